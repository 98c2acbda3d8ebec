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

const fieldNames: readonly (keyof Draft)[] = ['url', 'title', 'tags', 'expiresAt']

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

interface EditLinkProps {
  readonly link: Link
  readonly onChanged: (link: Link) => void
  readonly onReload: () => void
}

function useEdit({ link, onChanged }: EditLinkProps, onRefused: () => void) {
  const before = draftOf(link)
  const [draft, setDraft] = useState(before)
  const [failure, setFailure] = useState<ApiFailure | null>(null)
  const [isSending, setIsSending] = useState(false)
  const changes = changesOf(before, draft)
  const isChanged = Object.keys(changes).length > 0

  async function save(event: Event) {
    event.preventDefault()
    if (!isChanged || isSending) return
    setIsSending(true)
    setFailure(null)
    try {
      onChanged(await api.changeLink(link.code, changes, link.version))
    } catch (error) {
      setFailure(toFailure(error))
      onRefused()
    } finally {
      setIsSending(false)
    }
  }

  /** What a field needs to show and change its part of the draft. */
  function bind(name: keyof Draft) {
    const onInput = (value: string) => setDraft((last) => ({ ...last, [name]: value }))
    return { name, value: draft[name], onInput, failure }
  }

  return { failure, isSending, isChanged, save, bind, undo: () => setDraft(before) }
}

export function EditLink(props: EditLinkProps) {
  const form = useRef<HTMLFormElement>(null)
  const { failure, isSending, isChanged, save, bind, undo } = useEdit(props, () =>
    focusWrongField(form.current),
  )
  return (
    <form ref={form} class="edit-form" noValidate onSubmit={save}>
      <div class="edit-wide">
        <Field {...bind('url')} id="edit-url" label="Target URL" inputMode="url" />
      </div>
      <Field {...bind('title')} id="edit-title" label="Title" />
      <Field {...bind('tags')} id="edit-tags" label="Tags" hint="Separated by commas." />
      <Field
        {...bind('expiresAt')}
        id="edit-expires"
        label="Ends"
        type="datetime-local"
        hint="Empty: never."
      />
      <Refusal failure={failure} onReload={props.onReload} />
      <div class="button-row">
        <button type="submit" class="button button-main" disabled={!isChanged || isSending}>
          {isSending ? 'Saving…' : 'Save changes'}
        </button>
        {isChanged && (
          <button type="button" class="button button-quiet" onClick={undo}>
            Undo
          </button>
        )}
      </div>
    </form>
  )
}

/** What no field can show. */
function Refusal({ failure, onReload }: { failure: ApiFailure | null; onReload: () => void }) {
  if (failure?.code === 'version-mismatch') {
    return (
      <p class="notice notice-warn" role="alert">
        Someone changed this link meanwhile.{' '}
        <button type="button" class="text-button" onClick={onReload}>
          Load the newest
        </button>
      </p>
    )
  }
  if (!concernsNone(failure, fieldNames)) return null
  return (
    <p class="notice notice-bad" role="alert">
      {failure?.message}
    </p>
  )
}
