/** What the replay of a message that was set aside adds, now that this version of the code may be able to read it. */
import { type PoisonReason, readClickMessage } from './click-message.ts'
import { type Rollup, RollupBuilder } from './rollup.ts'
import type { ClassifyUserAgent } from './traits.ts'

export interface SetAsideMessage {
  readonly value: Buffer
  /** The mark of its producer when it came: what is at or under it was counted before. */
  readonly countedThrough: number
}

export type ReplayPlan =
  | {
      readonly kind: 'count'
      readonly clicks: number
      readonly rollup: Rollup
      readonly producer: string
      readonly lastSequence: number
    }
  | { readonly kind: 'unreadable'; readonly reason: PoisonReason }

/**
 * Marks do not say whether its clicks were counted, since later ones have raised them; its row in the table does:
 * while the row is there they were not.
 */
export function planReplay(message: SetAsideMessage, nowMs: number, classify: ClassifyUserAgent): ReplayPlan {
  const read = readClickMessage(message.value, nowMs)
  if (read.kind === 'poison') return { kind: 'unreadable', reason: read.reason }
  const uncounted = read.clicks.filter(({ sequence }) => sequence > message.countedThrough)
  const builder = new RollupBuilder(classify)
  for (const click of uncounted) builder.add(click)
  return {
    kind: 'count',
    clicks: uncounted.length,
    rollup: builder.build(),
    producer: read.producer,
    lastSequence: read.clicks.at(-1)?.sequence ?? 0,
  }
}
