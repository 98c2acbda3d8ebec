/** Pages about one link: its password form and its preview. */
import { escapeHtml, page } from './pages.ts'

export function passwordPage(wasWrong: boolean): string {
  const message = wasWrong
    ? '<strong id="hint">That is not the password of this link.</strong> Mind capital and small letters.'
    : '<span id="hint">Whoever gave you this link can tell you its password.</span>'
  return page({
    label: 'Protected',
    heading: 'This link needs a password',
    html: `${message}</p>
<form method="post"><label for="password">Password</label>
<input id="password" name="password" type="password" required maxlength="128" autofocus autocomplete="off"
 aria-describedby="hint"${wasWrong ? ' aria-invalid="true"' : ''}>
<button>Continue</button></form><p>`,
  })
}

export interface Preview {
  readonly shortUrl: string
  /** undefined: it is not to be told. */
  readonly targetUrl: string | undefined
  readonly title: string | undefined
  readonly createdAtMs: number | undefined
  readonly state: string
  /** Whether the short URL leads on now. */
  readonly leads: boolean
  readonly notes: readonly string[]
}

export function previewPage(preview: Preview): string {
  const { shortUrl, targetUrl, title, createdAtMs, state, notes } = preview
  const rows = [
    ['Short link', `<code>${escapeHtml(shortUrl)}</code>`],
    targetUrl === undefined ? undefined : ['Leads to', `<code>${escapeHtml(targetUrl)}</code>`],
    title === undefined || title === '' ? undefined : ['Title', `<bdi>${escapeHtml(title)}</bdi>`],
    createdAtMs === undefined ? undefined : ['Created', dateOf(createdAtMs)],
    ['Status', escapeHtml(state)],
  ].filter((row) => row !== undefined)
  const list = rows.map(([name, html]) => `<dt>${name}</dt><dd>${html}</dd>`).join('')
  const warnings = notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')
  const onward = preview.leads
    ? `<a href="${escapeHtml(shortUrl)}" rel="noreferrer nofollow">Continue to this address</a>`
    : 'There is nothing to continue to.'
  return page({
    label: 'Preview',
    heading: 'Where this link leads',
    html: `Looking at this page is not counted as a visit.</p>
<dl>${list}</dl>${warnings === '' ? '' : `<ul>${warnings}</ul>`}<p>${onward}`,
  })
}

function dateOf(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `<time datetime="${iso}">${iso.slice(0, 10)}</time>`
}
