import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import type { LinkKey, LiveReading, LiveStream, Watched } from '../../ports.ts'
import { startLiveFeed } from './live-feed.ts'

const of = (code: string): LinkKey => ({ domainId: 1, code })

/** Each question waits until it is let through, and answers only what it was asked for, as the database does. */
class SlowReader {
  readonly questions: (() => void)[] = []

  async live(links: readonly LinkKey[], hasFleet: boolean) {
    await new Promise<void>((resolve) => this.questions.push(resolve))
    const counted = { humans: 40, bots: 2 }
    return {
      totals: links.map((link) => ({ ...link, ...counted })),
      fleet: hasFleet ? counted : undefined,
      asOfMs: null,
    }
  }
}

function listener(watched: Watched) {
  const readings: (LiveReading | undefined)[] = []
  const stream: LiveStream = { watched, tick: (reading) => readings.push(reading), end: () => {} }
  return { stream, readings }
}

test.each<[string, Watched]>([
  ['the fleet', 'fleet'],
  ['another link', of('late')],
])(
  'a stream of %s that joins while the database is asked is told nothing until it is asked for',
  async (_what, watched) => {
    const stats = new SlowReader()
    using feed = startLiveFeed({ stats, streamsMax: 10, streamsPerCallerMax: 10, everyMs: 1 })
    const first = listener(of('early'))
    const late = listener(watched)
    const places = [feed.reserve('caller'), feed.reserve('caller')]
    places[0]?.join(first.stream)
    await eventually(() => stats.questions.length === 1)
    places[1]?.join(late.stream)
    stats.questions[0]?.()
    await eventually(() => stats.questions.length === 2)
    expect([first.readings.length, late.readings]).toEqual([1, []])
    stats.questions[1]?.()
    await eventually(() => late.readings.length === 1)
    expect(late.readings).toEqual([{ humans: 40, bots: 2, asOfMs: null }])
    for (const place of places) place.leave()
  },
)

test('a stream that leaves while the database is asked is told nothing more', async () => {
  const stats = new SlowReader()
  using feed = startLiveFeed({ stats, streamsMax: 10, streamsPerCallerMax: 10, everyMs: 1 })
  const [stays, leaves] = [listener(of('stays')), listener(of('leaves'))]
  const places = [feed.reserve('caller'), feed.reserve('caller')]
  places[0]?.join(stays.stream)
  places[1]?.join(leaves.stream)
  // The first was asked for alone.
  await eventually(() => stats.questions.length === 1)
  stats.questions[0]?.()
  await eventually(() => stats.questions.length === 2)
  places[1]?.leave()
  stats.questions[1]?.()
  await eventually(() => stays.readings.length === 2)
  expect(leaves.readings).toEqual([])
  for (const place of places) place.leave()
})
