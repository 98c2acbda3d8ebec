import { expect, test } from 'vitest'
import {
  ConfigError,
  choice,
  defineConfig,
  flag,
  httpUrl,
  integer,
  list,
  readConfig,
  text,
  urlList,
} from './config.ts'

const definition = defineConfig({
  name: text('NAME', { description: 'A name.' }),
  retries: integer('RETRIES', { description: 'How often.', default: 3, minimum: 0, maximum: 10 }),
  quiet: flag('QUIET', { description: 'Says nothing.', default: false }),
  mode: choice('MODE', ['fast', 'safe'], { description: 'How.', default: 'safe' }),
  hosts: list('HOSTS', { description: 'Where.', default: [] }),
})

test('an environment with only what must be set gives the defaults', () => {
  expect(readConfig(definition, { NAME: 'a' })).toEqual({
    name: 'a',
    retries: 3,
    quiet: false,
    mode: 'safe',
    hosts: [],
  })
})

test('every problem is reported together, by the name of its variable', () => {
  const read = () => readConfig(definition, { RETRIES: '11', QUIET: 'yes', MODE: 'slow' })
  expect(read).toThrow(ConfigError)
  try {
    read()
  } catch (error) {
    expect((error as ConfigError).problems).toEqual([
      'NAME is not set: A name.',
      'RETRIES must be a whole number from 0 to 10, not "11"',
      'QUIET must be true or false, not "yes"',
      'MODE must be one of fast, safe, not "slow"',
    ])
  }
})

test.each(['', '1.5', '1e3', 'ten', ' ', '0x10', 'NaN', '-1'])('"%s" is no number of retries', (value) => {
  if (value === '') expect(readConfig(definition, { NAME: 'a', RETRIES: value }).retries).toBe(3)
  else expect(() => readConfig(definition, { NAME: 'a', RETRIES: value })).toThrow(/RETRIES must be/)
})

test('a problem with a secret does not show the secret', () => {
  const secret = defineConfig({ key: httpUrl('KEY_URL', { description: 'A key.', secret: true }) })
  expect(() => readConfig(secret, { KEY_URL: 'hunter2' })).toThrow(/^(?!.*hunter2)/s)
})

test('lists are split at commas, and URLs only where the next URL begins', () => {
  expect(readConfig(definition, { NAME: 'a', HOSTS: ' a:1, b:2,' }).hosts).toEqual(['a:1', 'b:2'])
  const urls = defineConfig({ replicas: urlList('REPLICAS', { description: 'Where.' }) })
  expect(readConfig(urls, { REPLICAS: 'postgres://u:p@a:1,b:2/x, postgres://u:p@c:3/x' }).replicas).toEqual([
    'postgres://u:p@a:1,b:2/x',
    'postgres://u:p@c:3/x',
  ])
})
