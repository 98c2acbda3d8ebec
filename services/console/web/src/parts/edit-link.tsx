import { useRef, useState } from 'preact/hooks'
import { type ApiFailure, api, type Link, type LinkChanges } from '../api.ts'
import { changedOptions, emptyOptions, type OptionsDraft, optionsDraftOf } from '../link-options.ts'
import { toFailure } from '../use-load.ts'
import { Check, concernsNone, Field, focusWrongField } from './field.tsx'
import { OptionFields } from './option-fields.tsx'

interface Draft extends OptionsDraft {
  readonly url: string
  /** 'yes' takes the password away. */
  readonly isOpen: string
}

const fieldNames: readonly string[] = ['url', ...Object.keys(emptyOptions)]

function draftOf(link: Link): Draft {
  return { url: link.url, isOpen: '', ...optionsDraftOf(link) }
}

/** Only what differs is sent: an edit of the title must not undo someone else's edit of the URL. */
function changesOf(before: Draft, after: Draft): LinkChanges {
  return {
    ...(after.url === before.url ? {} : { url: after.url.trim() }),
    ...changedOptions(before, after),
    ...(after.isOpen === 'yes' ? { password: null } : {}),
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
      <OptionFields bind={bind} id="edit-" />
      <Field
        {...bind('password')}
        id="edit-password"
        label={props.link.hasPassword === true ? 'New password' : 'Password'}
        type="password"
        hint={props.link.hasPassword === true ? 'Empty: the one it has.' : 'Empty: visitors are not asked.'}
      />
      {props.link.hasPassword === true && (
        <Check {...bind('isOpen')} id="edit-open" label="Ask for no password any more" />
      )}
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
