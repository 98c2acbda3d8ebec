import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIdentifyClient, unknownPlace } from './identify-client.ts'
import { VisitorSalts } from './visitor-salts.ts'

const dayMs = 86_400_000
const day = Date.UTC(2026, 5, 15)
const salt = (fill: number) => Buffer.alloc(32, fill)
const berlin = { country: 'DE', region: 'Berlin', city: 'Berlin' }

function open(looked: string[] = []) {
  const salts = new VisitorSalts()
  const identify = createIdentifyClient(salts, (address) => {
    looked.push(address)
    return address === '203.0.113.5' ? berlin : unknownPlace
  })
  return { salts, identify }
}

test('without a salt the visitor is not known, but the place is', () => {
  const { identify } = open()
  expect(identify('203.0.113.5', 'agent', day)).toEqual({ ...berlin, visitor: undefined })
})

test('a salt that comes later is used from then on', () => {
  const { salts, identify } = open()
  identify('203.0.113.5', 'agent', day)
  salts.keep([{ dayStartMs: day, salt: salt(1) }], day)
  expect(identify('203.0.113.5', 'agent', day).visitor).toHaveLength(16)
})

test('one browser at one address is one visitor all day, and another one on the next day', () => {
  const { salts, identify } = open()
  salts.keep(
    [
      { dayStartMs: day, salt: salt(1) },
      { dayStartMs: day + dayMs, salt: salt(2) },
    ],
    day,
  )
  const morning = identify('203.0.113.5', 'agent', day).visitor
  expect(identify('203.0.113.5', 'agent', day + dayMs - 1).visitor).toEqual(morning)
  const tomorrow = identify('203.0.113.5', 'agent', day + dayMs).visitor
  expect(tomorrow).toHaveLength(16)
  expect(tomorrow).not.toEqual(morning)
  expect(identify('203.0.113.5', 'agent', day + 2 * dayMs).visitor).toBeUndefined()
})

test('a past salt is forgotten even while nobody brings new ones', () => {
  const { salts, identify } = open()
  salts.keep([{ dayStartMs: day, salt: salt(1) }], day)
  salts.forgetPast(day + dayMs)
  expect(identify('203.0.113.5', 'agent', day + dayMs - 1).visitor).toBeUndefined()
})

test('two instances with the same salt see the same visitor', () => {
  const [one, other] = [open(), open()]
  for (const { salts } of [one, other]) salts.keep([{ dayStartMs: day, salt: salt(7) }], day)
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.string({ maxLength: 700 }), (address, userAgent) => {
      const visitor = one.identify(address, userAgent, day).visitor
      expect(other.identify(address, userAgent, day).visitor).toEqual(visitor)
      expect(one.identify(address, userAgent, day).visitor).toEqual(visitor)
    }),
  )
})

test('the addresses of one /64 are one visitor; another browser, network or salt is another', () => {
  const { salts, identify } = open()
  salts.keep([{ dayStartMs: day, salt: salt(1) }], day)
  const visitor = identify('2001:db8:0:1::5', 'agent', day).visitor
  expect(identify('2001:db8:0:1:ffff::', 'agent', day).visitor).toEqual(visitor)
  expect(identify('2001:db8:0:1::5', 'other agent', day).visitor).not.toEqual(visitor)
  expect(identify('2001:db8:0:2::5', 'agent', day).visitor).not.toEqual(visitor)
  salts.keep([{ dayStartMs: day, salt: salt(2) }], day)
  expect(identify('2001:db8:0:1::5', 'agent', day).visitor).not.toEqual(visitor)
})

test('an address is looked up once, and memory for addresses is bounded', () => {
  const looked: string[] = []
  const { salts, identify } = open(looked)
  salts.keep([{ dayStartMs: day, salt: salt(1) }], day)
  for (let turn = 0; turn < 3; turn++) identify('203.0.113.5', `agent ${turn}`, day)
  expect(looked).toEqual(['203.0.113.5'])
  for (let index = 0; index < 5_000; index++) identify(`10.0.${index >> 8}.${index & 255}`, 'agent', day)
  identify('203.0.113.5', 'agent 0', day)
  expect(looked.filter((address) => address === '203.0.113.5')).toHaveLength(2)
})

test('a client that is already gone is not known', () => {
  const { salts, identify } = open()
  salts.keep([{ dayStartMs: day, salt: salt(1) }], day)
  expect(identify('', 'agent', day)).toEqual({ ...unknownPlace, visitor: undefined })
})
