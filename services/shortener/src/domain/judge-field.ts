/** What the judges of a request's fields share. */
import { LinkfleetError } from '@linkfleet/contracts/errors'

export function invalid(field: string, detail: string): LinkfleetError {
  return new LinkfleetError('invalid-request', detail, { field })
}

// Control characters have no business in a text of one line; NUL cannot even be stored.
export const controlCharacters = /\p{Cc}|\p{Cs}/u
