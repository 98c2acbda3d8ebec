import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { placeOf, watchAddresses } from './addresses.ts'

test.each([
  ['127.0.0.1:9081', { host: '127.0.0.1', port: 9081, isName: false }],
  ['localhost:9081', { host: '127.0.0.1', port: 9081, isName: false }],
  ['[::1]:9081', { host: '::1', port: 9081, isName: false }],
  ['shortener:9081', { host: 'shortener', port: 9081, isName: true }],
  ['dns:///shortener.example:9081', { host: 'shortener.example', port: 9081, isName: true }],
])('%s is %j', (entry, place) => expect(placeOf(entry)).toEqual(place))

test.each([
  '',
  'shortener',
  'shortener:',
  'shortener:0',
  'shortener:70000',
  ':9081',
  'http://shortener:9081',
])('"%s" is no address', (entry) => expect(() => placeOf(entry)).toThrow(/is no gRPC address/))

function followed(entries: readonly string[], lookup: (host: string) => Promise<readonly string[]>) {
  const told: (readonly string[])[] = []
  const watch = watchAddresses(entries, (addresses) => told.push(addresses), { lookup, lookAgainMs: 5 })
  return { told, latest: () => told.at(-1), watch, [Symbol.dispose]: () => watch[Symbol.dispose]() }
}

test('a name is every address that DNS has for it, and follows when those change', async () => {
  let hosts = ['10.0.0.2', '10.0.0.1', 'fd00::1']
  using world = followed(['dns:///shortener:9081', '127.0.0.1:1'], async () => hosts)
  expect(world.latest()).toEqual(['127.0.0.1:1'])
  await world.watch.first
  expect(world.latest()).toEqual(['10.0.0.1:9081', '10.0.0.2:9081', '127.0.0.1:1', '[fd00::1]:9081'])
  hosts = ['10.0.0.3']
  await eventually(() => expect(world.latest()).toEqual(['10.0.0.3:9081', '127.0.0.1:1']))
})

test('a name that DNS no longer answers for keeps its last addresses', async () => {
  let asked = 0
  using world = followed(['shortener:9081'], async () => {
    asked += 1
    if (asked > 1) throw new Error('SERVFAIL')
    return ['10.0.0.1']
  })
  await eventually(() => asked > 4)
  expect(world.latest()).toEqual(['10.0.0.1:9081'])
})

test('nothing is asked of DNS for numeric addresses', async () => {
  let asked = 0
  using world = followed(['127.0.0.1:2', '127.0.0.1:1', '127.0.0.1:2'], async () => {
    asked += 1
    return []
  })
  await world.watch.first
  expect(world.told).toEqual([['127.0.0.1:1', '127.0.0.1:2']])
  expect(asked).toBe(0)
})
