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
  ['smoke', '--fast'],
  ['smoke', 'more'],
])('refuses %j %j %j', (...args) => {
  expect(() => read(...args.filter((arg) => arg !== undefined))).toThrow(LoadUsageError)
})
