import type { Click } from '@linkfleet/contracts/clicks'
import { ClickBatch } from '@linkfleet/contracts/clicks'
import { expect, test } from 'vitest'
import { click, message, noon, producerId } from '../testing/clicks.ts'
import { readClickMessage } from './click-message.ts'
import { type Trait, traitIds, traitsOf } from './traits.ts'

const agent = { isBot: false, browser: '', operatingSystem: '', device: '' }

/** As they are told of a click that came with these fields, in a message that no encoder of ours has cut. */
function traitsWith(fields: Partial<Click>): Record<string, string> {
  const batch = ClickBatch.decode(message(producerId(1), [click()]))
  const value = ClickBatch.encode({
    ...batch,
    clicks: batch.clicks.map((one) => ({ ...one, country: '', language: '', referrerHost: '', ...fields })),
  }).finish()
  const read = readClickMessage(Buffer.from(value), noon)
  if (read.kind === 'poison') throw new Error(read.reason)
  const names = Object.keys(traitIds) as Trait[]
  const told: Record<string, string> = {}
  for (const one of read.clicks)
    traitsOf(one, agent, (id, word) => {
      told[names.find((name) => traitIds[name] === id) ?? ''] = word
    })
  return told
}

test.each(['utmSource', 'utmMedium', 'utmCampaign', 'utmTerm', 'utmContent'] as const)(
  'a hostile %s is cut to what redirect would have sent, and its click is kept',
  (field) => {
    expect(traitsWith({ [field]: 'x'.repeat(80_000) })).toEqual({ [field]: 'x'.repeat(128) })
  },
)

test('places are cut to whole characters', () => {
  const long = 'é€😀'.repeat(20_000)
  const told = traitsWith({ country: 'DE', region: long, city: `x${long}` })
  // Nine bytes each: seven of them are 63, and the next one would need 65.
  expect(told).toEqual({
    country: 'DE',
    region: `${'é€😀'.repeat(7)}, DE`,
    city: `x${'é€😀'.repeat(7)}, DE`,
  })
})

test('what is as long as it may be stays whole', () => {
  expect(traitsWith({ utmTerm: `${'€'.repeat(42)}é` })).toEqual({ utmTerm: `${'€'.repeat(42)}é` })
  expect(traitsWith({ utmTerm: '€'.repeat(43) })).toEqual({ utmTerm: '€'.repeat(42) })
})
