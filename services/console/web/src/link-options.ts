/** What the create and the edit form share: their fields as texts, and what of them is sent. */
import type { Link, LinkOptions } from './api.ts'
import { localInputOf, tagsOf } from './format.ts'

export interface OptionsDraft {
  readonly title: string
  readonly tags: string
  readonly startsAt: string
  readonly expiresAt: string
  readonly maxClicks: string
  readonly password: string
  readonly redirectStatus: string
  /** 'yes' or empty. */
  readonly forwardQuery: string
}

export const emptyOptions: OptionsDraft = {
  title: '',
  tags: '',
  startsAt: '',
  expiresAt: '',
  maxClicks: '',
  password: '',
  redirectStatus: '302',
  forwardQuery: '',
}

/** A password is never told, so what a link has cannot be shown: an empty field leaves it as it is. */
export function optionsDraftOf(link: Link): OptionsDraft {
  return {
    title: link.title ?? '',
    tags: (link.tags ?? []).join(', '),
    startsAt: localInputOf(link.startsAt),
    expiresAt: localInputOf(link.expiresAt),
    maxClicks: link.maxClicks == null ? '' : String(link.maxClicks),
    password: '',
    redirectStatus: String(link.redirectStatus ?? 302),
    forwardQuery: link.forwardQuery === true ? 'yes' : '',
  }
}

function numberOrText(text: string): number | string {
  const number = Number(text)
  return Number.isFinite(number) ? number : text
}

type Sent = { readonly [name in keyof OptionsDraft]: (text: string) => LinkOptions }

const textOrNone = (text: string) => (text.trim() === '' ? null : text.trim())
const momentOrNone = (text: string) => (text === '' ? null : new Date(text).toISOString())

const sent: Sent = {
  title: (text) => ({ title: textOrNone(text) }),
  tags: (text) => ({ tags: tagsOf(text) }),
  startsAt: (text) => ({ startsAt: momentOrNone(text) }),
  expiresAt: (text) => ({ expiresAt: momentOrNone(text) }),
  // What is no number is sent as it is, for the answer to name the field.
  maxClicks: (text) => ({ maxClicks: text.trim() === '' ? null : numberOrText(text) }),
  password: (text) => ({ password: text === '' ? null : text }),
  redirectStatus: (text) => ({ redirectStatus: Number(text) }),
  forwardQuery: (text) => ({ forwardQuery: text === 'yes' }),
}

const names = Object.keys(emptyOptions) as (keyof OptionsDraft)[]

/** Only what differs: an edit of the title must not undo someone else's edit of the end. */
export function changedOptions(before: OptionsDraft, after: OptionsDraft): LinkOptions {
  let changes: LinkOptions = {}
  for (const name of names) {
    if (after[name] !== before[name]) changes = { ...changes, ...sent[name](after[name]) }
  }
  return changes
}
