import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiFailure } from './api.ts'

export interface Loaded<T> {
  /** The newest answer; it stays while a later call fails. */
  readonly data: T | null
  readonly failure: ApiFailure | null
  readonly isLoading: boolean
  readonly reload: () => void
}

/** What is told to the app when the session has ended. */
export const sessionEnded = new EventTarget()

export function toFailure(error: unknown): ApiFailure {
  const failure =
    error instanceof ApiFailure
      ? error
      : new ApiFailure(0, 'defect', 'This page failed. Reload it, please.', null)
  if (failure.status === 401) sessionEnded.dispatchEvent(new Event('ended'))
  return failure
}

/**
 * Asks once for each `key`, and again every `refreshMs` while the page is visible. An answer that comes after a
 * newer question was asked is dropped.
 */
export function useLoad<T>(key: string, ask: () => Promise<T>, refreshMs?: number): Loaded<T> {
  const [state, setState] = useState<{
    key: string
    data: T | null
    failure: ApiFailure | null
    isLoading: boolean
  }>({
    key,
    data: null,
    failure: null,
    isLoading: true,
  })
  const newest = useRef(0)
  const askRef = useRef(ask)
  askRef.current = ask

  const load = useCallback(async (askedKey: string) => {
    newest.current += 1
    const number = newest.current
    // Why another question failed is no answer to this one.
    setState((before) => ({
      ...before,
      key: askedKey,
      failure: before.key === askedKey ? before.failure : null,
      isLoading: true,
    }))
    try {
      const data = await askRef.current()
      if (number === newest.current) setState({ key: askedKey, data, failure: null, isLoading: false })
    } catch (error) {
      const failure = toFailure(error)
      if (number === newest.current) setState((before) => ({ ...before, failure, isLoading: false }))
    }
  }, [])

  useEffect(() => {
    void load(key)
    if (refreshMs === undefined) return
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void load(key)
    }, refreshMs)
    return () => clearInterval(timer)
  }, [key, refreshMs, load])

  return {
    data: state.data,
    // Until this question is asked, a frame later, the state is of the one before.
    failure: state.key === key ? state.failure : null,
    isLoading: state.isLoading,
    reload: () => void load(key),
  }
}
