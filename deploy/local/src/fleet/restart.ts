/** How long to wait before a process that died is started again. */

const BASE_MS = 500
const MAX_MS = 30_000

/** Doubles with each failure in a row, from half a second to half a minute. */
export function restartPauseMs(failures: number): number {
  return Math.min(MAX_MS, BASE_MS * 2 ** Math.max(0, failures - 1))
}
