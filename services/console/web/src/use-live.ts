import { useEffect, useState } from 'preact/hooks'

export interface Live {
  /** The newest total; null until the first event. */
  readonly total: number | null
  readonly isConnected: boolean
}

const againMs = 5_000

/**
 * The newest total of a link, as its clicks are counted. The browser comes back by itself after a broken connection, with
 * the id of its last event; after a refusal it would not, so then we do. A page that nobody sees holds no connection:
 * a browser has few for each host.
 */
export function useLive(path: string): Live {
  const [live, setLive] = useState<Live & { path: string }>({ path, total: null, isConnected: false })
  useEffect(() => {
    let source: EventSource | undefined
    let again: ReturnType<typeof setTimeout> | undefined
    const setConnected = (isConnected: boolean) =>
      setLive((before) => ({ path, total: before.path === path ? before.total : null, isConnected }))

    function close() {
      clearTimeout(again)
      source?.close()
      source = undefined
    }
    function open() {
      close()
      source = new EventSource(path)
      source.onopen = () => setConnected(true)
      source.onmessage = ({ data }) => {
        const { total } = JSON.parse(data) as { total: number }
        setLive({ path, total, isConnected: true })
      }
      source.onerror = () => {
        setConnected(false)
        if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, againMs)
      }
    }
    const follow = () => (document.visibilityState === 'visible' ? open() : close())
    follow()
    document.addEventListener('visibilitychange', follow)
    return () => {
      document.removeEventListener('visibilitychange', follow)
      close()
    }
  }, [path])
  return live.path === path ? live : { total: null, isConnected: false }
}
