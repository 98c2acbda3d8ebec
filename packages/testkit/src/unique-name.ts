import { randomBytes } from 'node:crypto'

/** A name that no other test has: `prefix-1f2e3d4c5b6a`. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}
