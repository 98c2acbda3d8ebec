/** A question for the clicks of one value of one dimension, such as `country:DE`. */
import { hostCharactersMax, type Trait, traitIds } from '../traits.ts'

export interface StatsFilter {
  readonly dimension: Trait
  readonly value: string
}

export type FilterJudgement =
  | { readonly kind: 'filter'; readonly filter: StatsFilter | undefined }
  | { readonly kind: 'invalid'; readonly detail: string }

/** The longest value that is stored. */
const filterCharactersMax = hostCharactersMax

/**
 * Clicks are counted by each dimension apart, so how many came from one country with one browser is not known: more
 * than one filter is refused rather than guessed.
 */
export function judgeFilter(texts: readonly string[]): FilterJudgement {
  const [text] = texts
  if (text === undefined) return { kind: 'filter', filter: undefined }
  if (texts.length > 1) {
    return invalid('Clicks are counted by each dimension apart: give one filter, not several.')
  }
  const colon = text.indexOf(':')
  const dimension = text.slice(0, Math.max(colon, 0))
  const value = text.slice(colon + 1)
  if (!isTrait(dimension)) {
    return invalid(
      `filter is a dimension and a value, such as country:DE; dimensions are ${Object.keys(traitIds).join(', ')}.`,
    )
  }
  if (value === '' || value.length > filterCharactersMax) {
    return invalid(`The value of a filter has 1 to ${filterCharactersMax} characters.`)
  }
  if (!value.isWellFormed() || value.includes('\0')) return invalid('The value of the filter is no text.')
  return { kind: 'filter', filter: { dimension, value } }
}

function isTrait(name: string): name is Trait {
  return Object.hasOwn(traitIds, name)
}

function invalid(detail: string): FilterJudgement {
  return { kind: 'invalid', detail }
}
