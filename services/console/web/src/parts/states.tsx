import type { ComponentChildren } from 'preact'
import type { ApiFailure } from '../api.ts'

/** Nothing here yet: says so, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {children}
    </div>
  )
}

export function Failed({ failure, retry }: { failure: ApiFailure; retry?: () => void }) {
  return (
    <div class="state state-failed" role="alert">
      <p class="state-title">{failure.status === 404 ? 'There is nothing here' : 'This did not work'}</p>
      <p>{failure.message}</p>
      {retry !== undefined && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Grey lines where something will be. */
export function Loading({ lines = 3, label }: { lines?: number; label: string }) {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="loading-line" style={{ width: `${92 - ((index * 23) % 47)}%` }} />
      ))}
    </div>
  )
}

/** Old data shown while new calls fail. */
export function Stale({ failure }: { failure: ApiFailure | null }) {
  if (failure === null) return null
  return (
    <p class="notice notice-warn" role="status">
      Shown is the last answer; the newest call failed: {failure.message}
    </p>
  )
}
