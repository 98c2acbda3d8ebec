/** A question for the clicks of one value of one dimension, such as `country:DE`. */
import { countryOf, devices, hostCharactersMax, type Trait, traitIds } from '../traits.ts'

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
  const form = forms[dimension]
  if (form === undefined) return { kind: 'filter', filter: { dimension, value } }
  // Letters of other alphabets may fold into ASCII: ß becomes SS, which is a country.
  const folded = /^[a-z]+$/i.test(value) ? form.fold(value) : value
  return form.holds(folded) ? { kind: 'filter', filter: { dimension, value: folded } } : invalid(form.detail)
}

interface Form {
  readonly fold: (value: string) => string
  readonly holds: (value: string) => boolean
  readonly detail: string
}

const upper = (value: string) => value.toUpperCase()
const lower = (value: string) => value.toLowerCase()

/** Dimensions whose values all have one form: what has another is no value with no clicks, but a mistake. */
const forms: Readonly<Partial<Record<Trait, Form>>> = {
  country: {
    fold: upper,
    holds: (value) => countryOf(value) !== '',
    detail: 'A country is its two letters by ISO 3166, such as country:DE.',
  },
  device: {
    fold: lower,
    holds: (value) => devices.includes(value),
    detail: `A device is one of ${devices.join(', ')}.`,
  },
  language: {
    fold: lower,
    holds: (value) => /^[a-z]{2,3}$/.test(value),
    detail: 'A language is two or three letters without a region, such as language:de.',
  },
}

function isTrait(name: string): name is Trait {
  return Object.hasOwn(traitIds, name)
}

function invalid(detail: string): FilterJudgement {
  return { kind: 'invalid', detail }
}
