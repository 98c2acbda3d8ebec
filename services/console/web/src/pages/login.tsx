import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { Contours } from '../parts/mark.tsx'
import { useTitle } from './title.ts'

const problems: Readonly<Record<string, string>> = {
  refused: 'That login link has been used or has run out. Each works once, for ten minutes.',
  unavailable:
    'The shortener, which checks logins, cannot be reached right now. Try the link again in a moment.',
}

/** A whole login link or only its token: both are understood. */
function tokenOf(text: string): string {
  return URL.parse(text.trim())?.searchParams.get('token') ?? text.trim()
}

export function LoginPage() {
  useTitle('Log in')
  const { query } = useLocation()
  const [text, setText] = useState('')
  const problem = problems[query.problem ?? '']
  return (
    <div class="page login">
      <Contours />
      <h1>Come aboard</h1>
      <p class="lead">The console opens with a one-time login link.</p>
      {problem !== undefined && (
        <p class="notice notice-warn" role="alert">
          {problem}
        </p>
      )}
      <ol class="steps">
        <li>
          In the folder of the fleet, run <code>npm run status</code>. It prints a fresh link; so does{' '}
          <code>npm start</code>.
        </li>
        <li>Open the link in this browser, or paste it here.</li>
      </ol>
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault()
          location.assign(`/login?token=${encodeURIComponent(tokenOf(text))}`)
        }}
      >
        <label class="visually-hidden" for="login-link">
          Login link
        </label>
        <div class="input">
          <input
            id="login-link"
            value={text}
            placeholder="http://…/login?token=…"
            autoComplete="off"
            spellcheck={false}
            required
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
        <button type="submit" class="button button-main">
          Log in
        </button>
      </form>
    </div>
  )
}
