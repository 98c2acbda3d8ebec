import { useRef, useState } from 'preact/hooks'
import { type ApiFailure, api, type Link, type NewLink, newIdempotencyKey } from '../api.ts'
import { withoutScheme } from '../format.ts'
import { changedOptions, emptyOptions, type OptionsDraft } from '../link-options.ts'
import { toFailure } from '../use-load.ts'
import { concernsNone, Field, focusWrongField } from './field.tsx'
import { OptionFields } from './option-fields.tsx'

interface Draft extends OptionsDraft {
  readonly url: string
  readonly alias: string
}

const emptyDraft: Draft = { url: '', alias: '', ...emptyOptions }
const fieldNames = Object.keys(emptyDraft)

/** People leave the scheme out; only when nothing like one is there, https is meant. */
function urlOf(text: string): string {
  const trimmed = text.trim()
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(trimmed) && !/^[a-z0-9.-]+\.[a-z]+:\d/i.test(trimmed)
  return hasScheme ? trimmed : `https://${trimmed}`
}

function newLinkOf(draft: Draft): NewLink {
  return {
    url: urlOf(draft.url),
    ...(draft.alias.trim() === '' ? {} : { alias: draft.alias.trim() }),
    ...changedOptions(emptyOptions, draft),
  }
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

function useCreate(onCreated: (link: Link) => void, onRefused: (refused: ApiFailure) => void) {
  const [draft, setDraft] = useState(emptyDraft)
  const [failure, setFailure] = useState<ApiFailure | null>(null)
  const [isSending, setIsSending] = useState(false)
  const keyOf = useIdempotencyKey()

  async function create(event: Event) {
    event.preventDefault()
    if (isSending || draft.url.trim() === '') return
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
      onRefused(refused)
    } finally {
      setIsSending(false)
    }
  }

  /** What a field needs to show and change its part of the draft. */
  function bind(name: keyof Draft) {
    const onInput = (value: string) => setDraft((before) => ({ ...before, [name]: value }))
    return { name, value: draft[name], onInput, failure }
  }

  return { draft, failure, isSending, create, bind }
}

type Bind = ReturnType<typeof useCreate>['bind']

export function CreateForm(props: { onCreated: (link: Link) => void; publicUrl: string }) {
  const form = useRef<HTMLFormElement>(null)
  const [isOpen, setIsOpen] = useState(false)
  const { draft, failure, isSending, create, bind } = useCreate(props.onCreated, (refused) => {
    if (refused.field !== null && refused.field !== 'url') setIsOpen(true)
    focusWrongField(form.current)
  })
  return (
    <form ref={form} class="create-form" noValidate onSubmit={create}>
      <div class="create-line">
        <Field
          {...bind('url')}
          id="url"
          label="Long URL"
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
        <MoreFields bind={bind} publicUrl={props.publicUrl} />
      </details>
    </form>
  )
}

function MoreFields({ bind, publicUrl }: { bind: Bind; publicUrl: string }) {
  return (
    <div class="more-fields">
      <Field
        {...bind('alias')}
        id="alias"
        label="Alias"
        prefix={`${withoutScheme(publicUrl)}/`}
        hint="Your own word instead of a drawn code."
      />
      <OptionFields bind={bind} id="" />
      <Field
        {...bind('password')}
        id="password"
        label="Password"
        type="password"
        hint="Visitors are asked for it before they are led on."
      />
    </div>
  )
}
