// Base62 over `0-9A-Za-z`, fixed width: every number below 62^length has exactly one text of that length, so texts
// of one length are as distinct as their numbers, and texts of two lengths never meet.

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE = ALPHABET.length

/** 62^8 is the last power of 62 that a JavaScript number holds exactly. */
export const BASE62_LENGTH_MAX = 8

const DIGIT_OF_CHARACTER = new Map([...ALPHABET].map((character, digit) => [character, digit]))

// Two digits a step: half the divisions, which are the cost of encoding.
const PAIRS = [...ALPHABET].flatMap((high) => [...ALPHABET].map((low) => high + low))
const PAIR_BASE = BASE * BASE

/** How many numbers have a text of this length: 62^length. */
export function base62Size(length: number): number {
  if (!Number.isInteger(length) || length < 1 || length > BASE62_LENGTH_MAX) {
    throw new RangeError(`a Base62 length is 1 to ${BASE62_LENGTH_MAX}, not ${length}`)
  }
  return BASE ** length
}

/** The text of `value`, padded with `0` to `length`. `value` must be an integer in [0, 62^length). */
export function encodeBase62(value: number, length: number): string {
  if (!Number.isInteger(value) || value < 0 || value >= base62Size(length)) {
    throw new RangeError(`${value} has no Base62 text of length ${length}`)
  }
  let text = ''
  let rest = value
  let width = length
  for (; width >= 2; width -= 2) {
    const quotient = Math.floor(rest / PAIR_BASE)
    text = PAIRS[rest - quotient * PAIR_BASE]! + text
    rest = quotient
  }
  return width === 1 ? ALPHABET[rest]! + text : text
}

/** The number a text stands for, or undefined when it is no Base62 text of 1 to 8 characters. */
export function decodeBase62(text: string): number | undefined {
  if (text.length < 1 || text.length > BASE62_LENGTH_MAX) return undefined
  let value = 0
  for (const character of text) {
    const digit = DIGIT_OF_CHARACTER.get(character)
    if (digit === undefined) return undefined
    value = value * BASE + digit
  }
  return value
}
