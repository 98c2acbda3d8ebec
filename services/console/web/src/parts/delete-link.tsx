import { useRef, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { type ApiFailure, api, type Link } from '../api.ts'
import { withoutScheme } from '../format.ts'
import { toFailure } from '../use-load.ts'

/** Asks before it deletes. The dialog is the browser's own: focus stays in it, and Escape closes it. */
export function DeleteLink({ link }: { link: Link }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { route } = useLocation()
  const [failure, setFailure] = useState<ApiFailure | null>(null)
  const [isSending, setIsSending] = useState(false)

  async function remove() {
    setIsSending(true)
    setFailure(null)
    try {
      await api.deleteLink(link.code)
      dialog.current?.close()
      route('/links')
    } catch (error) {
      setFailure(toFailure(error))
    } finally {
      setIsSending(false)
    }
  }

  return (
    <div class="delete">
      <button type="button" class="button button-danger" onClick={() => dialog.current?.showModal()}>
        Delete this link…
      </button>
      <dialog ref={dialog} class="dialog" aria-labelledby="delete-title">
        <h2 id="delete-title">Delete {withoutScheme(link.shortUrl)}?</h2>
        <p>Whoever follows it will find it gone, within a second. This cannot be undone.</p>
        {failure !== null && (
          <p class="notice notice-bad" role="alert">
            {failure.message}
          </p>
        )}
        <div class="button-row">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
          <button type="button" class="button button-danger" disabled={isSending} onClick={remove}>
            {isSending ? 'Deleting…' : 'Delete'}
          </button>
        </div>
      </dialog>
    </div>
  )
}
