import { useRef, useState } from 'preact/hooks'
import { type ApiFailure, api, type Link, type LinkChanges } from '../api.ts'
import { localInputOf, tagsOf } from '../format.ts'
import { toFailure } from '../use-load.ts'
import { concernsNone, Field, focusWrongField } from './field.tsx'

interface Draft {
  readonly url: string
  readonly title: string
  readonly tags: string
  readonly expiresAt: string
}

function draftOf(link: Link): Draft {
  return {
    url: link.url,
    title: link.title ?? '',
    tags: (link.tags ?? []).join(', '),
    expiresAt: localInputOf(link.expiresAt),
  }
}

/** Only what differs is sent: an edit of the title must not undo someone else's edit of the URL. */
function changesOf(before: Draft, after: Draft): LinkChanges {
  return {
    ...(after.url === before.url ? {} : { url: after.url.trim() }),
    ...(after.title === before.title ? {} : { title: after.title.trim() === '' ? null : after.title.trim() }),
    ...(after.tags === before.tags ? {} : { tags: tagsOf(after.tags) }),
    ...(after.expiresAt === before.expiresAt
      ? {}
      : { expiresAt: after.expiresAt === '' ? null : new Date(after.expiresAt).toISOString() }),
  }
}

export function EditLink({
  link,
  onChanged,
  onReload,
}: {
  link: Link
  onChanged: (link: Link) => void
  onReload: () => void
}) {
  const before = draftOf(link)
  const [draft, setDraft] = useState(before)
  const [failure, setFailure] = useState<ApiFailure | null>(null)
  const [isSending, setIsSending] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const changes = changesOf(before, draft)
  const isChanged = Object.keys(changes).length > 0
  const set = (name: keyof Draft) => (value: string) => setDraft((last) => ({ ...last, [name]: value }))

  async function save(event: Event) {
    event.preventDefault()
    if (!isChanged || isSending) return
    setIsSending(true)
    setFailure(null)
    try {
      onChanged(await api.changeLink(link.code, changes, link.version))
    } catch (error) {
      setFailure(toFailure(error))
      focusWrongField(form.current)
    } finally {
      setIsSending(false)
    }
  }

  const common = { failure }
  return (
    <form ref={form} class="edit-form" noValidate onSubmit={save}>
      <div class="edit-wide">
        <Field
          {...common}
          id="edit-url"
          name="url"
          label="Target URL"
          value={draft.url}
          onInput={set('url')}
          inputMode="url"
        />
      </div>
      <Field
        {...common}
        id="edit-title"
        name="title"
        label="Title"
        value={draft.title}
        onInput={set('title')}
      />
      <Field
        {...common}
        id="edit-tags"
        name="tags"
        label="Tags"
        value={draft.tags}
        onInput={set('tags')}
        hint="Separated by commas."
      />
      <Field
        {...common}
        id="edit-expires"
        name="expiresAt"
        label="Ends"
        type="datetime-local"
        value={draft.expiresAt}
        onInput={set('expiresAt')}
        hint="Empty: never."
      />
      {failure?.code === 'version-mismatch' ? (
        <p class="notice notice-warn" role="alert">
          Someone changed this link meanwhile.{' '}
          <button type="button" class="text-button" onClick={onReload}>
            Load the newest
          </button>
        </p>
      ) : (
        concernsNone(failure, Object.keys(draft)) && (
          <p class="notice notice-bad" role="alert">
            {failure?.message}
          </p>
        )
      )}
      <div class="button-row">
        <button type="submit" class="button button-main" disabled={!isChanged || isSending}>
          {isSending ? 'Saving…' : 'Save changes'}
        </button>
        {isChanged && (
          <button type="button" class="button button-quiet" onClick={() => setDraft(before)}>
            Undo
          </button>
        )}
      </div>
    </form>
  )
}
