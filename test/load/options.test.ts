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
    SLOS: '{"redirect":{"target":0.999,"thresholdMs":200},"shortener":{"target":0.999,"thresholdMs":200}}',
  })
})

test('another fleet is named by its addresses and a key', () => {
  const { env } = read(
    'smoke',
    '--base-url',
    'https://go.example',
    '--rate',
    '500',
    '--duration',
    '2m',
    '--key',
    'k',
  )
  expect(env).toMatchObject({ BASE_URL: 'https://go.example', RATE: '500', DURATION: '2m', API_KEY: 'k' })
})

test.each([
  [],
  ['none'],
  ['../main'],
  ['smoke', '--rate', '0'],
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
