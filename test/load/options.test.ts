import { expect, test } from 'vitest'
import { LoadUsageError, readLoadOptions } from './options.ts'

const read = (...args: string[]) => readLoadOptions(args, '/nowhere', (scenario) => scenario === 'smoke')

test('without a fleet here the usual ports are meant', () => {
  expect(read('smoke').env).toEqual({
    BASE_URL: 'http://localhost:8080',
    API_URL: 'http://localhost:8081',
    STATS_URL: 'http://localhost:8082',
    RATE: '20',
    DURATION: '10s',
    LINKS: '1000',
  })
})

test('another fleet is named by its addresses and a key', () => {
  const addresses = ['--base-url', 'https://go.example/', '--api-url', 'https://api.example']
  const others = ['--stats-url', 'https://stats.example', '--rate', '500', '--duration', '2m', '--key', 'k']
  expect(read('smoke', ...addresses, ...others).env).toMatchObject({
    BASE_URL: 'https://go.example',
    API_URL: 'https://api.example',
    STATS_URL: 'https://stats.example',
    RATE: '500',
    DURATION: '2m',
    API_KEY: 'k',
  })
})

test('the ports of a fleet follow from its first', () => {
  expect(read('smoke', '--base-url', 'http://10.0.0.7:9000').env).toMatchObject({
    API_URL: 'http://10.0.0.7:9001',
    STATS_URL: 'http://10.0.0.7:9002',
  })
  expect(() => read('smoke', '--base-url', 'https://go.example')).toThrow('give --api-url too')
})

test('the environment names a fleet too, and options come before it', () => {
  const environment = { BASE_URL: 'http://one.example:80', API_URL: 'http://two.example:8081', API_KEY: 'k' }
  const { env } = readLoadOptions(['smoke', '--key', 'other'], '/nowhere', () => true, {
    ...environment,
    STATS_URL: 'http://three.example:8082',
  })
  expect(env).toMatchObject({ ...environment, API_KEY: 'other', STATS_URL: 'http://three.example:8082' })
  expect(() => readLoadOptions(['smoke'], '/nowhere', () => true, { BASE_URL: 'here' })).toThrow(
    LoadUsageError,
  )
})

test.each([
  [],
  ['none'],
  ['../main'],
  ['smoke', '--rate', '0'],
  ['smoke', '--rate', 'abc'],
  ['smoke', '--duration', '10'],
  ['smoke', '--links', 'many'],
  ['smoke', '--base-url', 'go.example:x'],
  ['smoke', '--fast'],
  ['smoke', 'more'],
])('refuses %j %j %j', (...args) => {
  expect(() => read(...args.filter((arg) => arg !== undefined))).toThrow(LoadUsageError)
})

test('a report goes beside the data of the fleet unless a file is named', () => {
  expect(read('smoke').reportFile).toBe('/nowhere/.linkfleet/load/smoke.html')
  expect(read('smoke', '--report', 'here.html').reportFile).toBe('/nowhere/here.html')
})

test('counters are compared only where they are those of the loaded fleet', () => {
  expect(read('smoke').isOwnFleet).toBe(false)
})
