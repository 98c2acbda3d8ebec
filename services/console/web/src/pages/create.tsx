import { useRef, useState } from 'preact/hooks'
import { type ApiFailure, api, type Link, type NewLink, newIdempotencyKey } from '../api.ts'
import { dateTime, tagsOf, withoutScheme } from '../format.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { concernsNone, Field, focusWrongField } from '../parts/field.tsx'
import { LinkRows } from '../parts/link-rows.tsx'
import { Contours } from '../parts/mark.tsx'
import { QrCode } from '../parts/qr-code.tsx'
import { mayWrite, useSession } from '../session.ts'
import { toFailure, useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

interface Draft {
  readonly url: string
  readonly alias: string
  readonly title: string
  readonly tags: string
  readonly expiresAt: string
}

const emptyDraft: Draft = { url: '', alias: '', title: '', tags: '', expiresAt: '' }
const fieldNames = Object.keys(emptyDraft)

/** People leave the scheme out; only when nothing like one is there, https is meant. */
function urlOf(text: string): string {
  const trimmed = text.trim()
  return /^[a-z][a-z0-9+.-]*:/i.test(trimmed) && !/^[a-z0-9.-]+\.[a-z]+:\d/i.test(trimmed)
    ? trimmed
    : `https://${trimmed}`
}

function newLinkOf(draft: Draft): NewLink {
  const tags = tagsOf(draft.tags)
  return {
    url: urlOf(draft.url),
    ...(draft.alias.trim() === '' ? {} : { alias: draft.alias.trim() }),
    ...(draft.title.trim() === '' ? {} : { title: draft.title.trim() }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(draft.expiresAt === '' ? {} : { expiresAt: new Date(draft.expiresAt).toISOString() }),
  }
}

export function CreatePage() {
  useTitle('Create')
  const session = useSession()
  const [created, setCreated] = useState<Link | null>(null)
  const latest = useLoad(`latest ${created?.code ?? ''}`, () => api.listLinks({ limit: '5' }))
  return (
    <div class="page create">
      <Contours />
      <h1>Give a long URL a short name</h1>
      <p class="lead">Every short link is yours to change, to end, and to see counted.</p>
      {!mayWrite(session) && (
        <p class="notice">Your role is “reader”: you may look at links, not make them.</p>
      )}
      <CreateForm onCreated={setCreated} publicUrl={session.publicUrl} />
      {created !== null && <Created key={created.code} link={created} />}
      {latest.data !== null && latest.data.links.length > 0 && (
        <section class="latest" aria-labelledby="latest-links">
          <h2 id="latest-links">Latest links</h2>
          <LinkRows links={latest.data.links} />
        </section>
      )}
    </div>
  )
}

/** The same draft keeps its key, so that pressing the button again after a lost answer cannot make a second link. */
function useIdempotencyKey(): (draft: NewLink) => string {
  const last = useRef({ body: '', key: '' })
  return (draft) => {
    const body = JSON.stringify(draft)
    if (body !== last.current.body) last.current = { body, key: newIdempotencyKey() }
    return last.current.key
  }
}

function CreateForm({ onCreated, publicUrl }: { onCreated: (link: Link) => void; publicUrl: string }) {
  const [draft, setDraft] = useState(emptyDraft)
  const [failure, setFailure] = useState<ApiFailure | null>(null)
  const [isSending, setIsSending] = useState(false)
  const [isOpen, setIsOpen] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const keyOf = useIdempotencyKey()
  const set = (name: keyof Draft) => (value: string) => setDraft((before) => ({ ...before, [name]: value }))

  async function create(event: Event) {
    event.preventDefault()
    if (isSending) return
    setIsSending(true)
    setFailure(null)
    try {
      const link = newLinkOf(draft)
      onCreated(await api.createLink(link, keyOf(link)))
      setDraft(emptyDraft)
      // The draft is done with: the same URL typed again is a new wish.
      keyOf({ url: '' })
    } catch (error) {
      const refused = toFailure(error)
      setFailure(refused)
      if (refused.field !== null && refused.field !== 'url') setIsOpen(true)
      focusWrongField(form.current)
    } finally {
      setIsSending(false)
    }
  }

  const common = { failure }
  return (
    <form ref={form} class="create-form" noValidate onSubmit={create}>
      <div class="create-line">
        <Field
          {...common}
          id="url"
          name="url"
          label="Long URL"
          value={draft.url}
          onInput={set('url')}
          inputMode="url"
          placeholder="https://example.com/a/long/address"
          required
          autoFocus
        />
        <button
          type="submit"
          class="button button-main button-large"
          disabled={isSending || draft.url.trim() === ''}
        >
          {isSending ? 'One moment…' : 'Shorten'}
        </button>
      </div>
      {concernsNone(failure, fieldNames) && (
        <p class="notice notice-bad" role="alert">
          {failure?.message}
        </p>
      )}
      <details class="more" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
        <summary>More options</summary>
        <div class="more-fields">
          <Field
            {...common}
            id="alias"
            name="alias"
            label="Alias"
            value={draft.alias}
            onInput={set('alias')}
            prefix={`${withoutScheme(publicUrl)}/`}
            hint="Your own word instead of a drawn code."
          />
          <Field
            {...common}
            id="title"
            name="title"
            label="Title"
            value={draft.title}
            onInput={set('title')}
            hint="For you, in lists. Visitors do not see it."
          />
          <Field
            {...common}
            id="tags"
            name="tags"
            label="Tags"
            value={draft.tags}
            onInput={set('tags')}
            hint="Separated by commas."
          />
          <Field
            {...common}
            id="expires"
            name="expiresAt"
            label="Ends"
            type="datetime-local"
            value={draft.expiresAt}
            onInput={set('expiresAt')}
            hint="After this the link answers “gone”. Empty: never."
          />
        </div>
      </details>
    </form>
  )
}

function Created({ link }: { link: Link }) {
  return (
    <section class="created card" aria-label="Your short link" aria-live="polite">
      <div class="created-main">
        <p class="eyebrow">Your short link</p>
        <a class="short-url" href={link.shortUrl} target="_blank" rel="noreferrer" data-testid="short-url">
          {withoutScheme(link.shortUrl)}
        </a>
        <p class="target" title={link.url}>
          {link.url}
        </p>
        {typeof link.expiresAt === 'string' && <p class="muted">Ends {dateTime(link.expiresAt)}</p>}
        <div class="button-row">
          <CopyButton text={link.shortUrl} label="the short link" />
          <a class="button" href={`/links/${encodeURIComponent(link.code)}`}>
            Statistics and settings
          </a>
        </div>
      </div>
      <QrCode text={link.shortUrl} fileName={link.code} />
    </section>
  )
}
