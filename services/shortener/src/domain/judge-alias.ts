/** Which codes people may choose themselves. */
import { isReservedWord } from '@linkfleet/contracts/reserved-words'

export const aliasLengthMin = 3
export const aliasLengthMax = 64
const aliasPattern = /^[A-Za-z0-9_-]+$/

/** undefined when the alias may be used, else the reason. Whether it is taken is for the database to say. */
export function refuseAlias(alias: string): string | undefined {
  if (alias.length < aliasLengthMin || alias.length > aliasLengthMax) {
    return `An alias has ${aliasLengthMin} to ${aliasLengthMax} characters.`
  }
  if (!aliasPattern.test(alias)) return 'An alias consists of letters, digits, "-" and "_".'
  if (isReservedWord(alias)) return `"${alias}" is reserved.`
  return undefined
}

/** Whether a path segment could be a code at all; anything else need not be asked for. */
export function isPossibleCode(code: string): boolean {
  return code.length <= aliasLengthMax && aliasPattern.test(code)
}
