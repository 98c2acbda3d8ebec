import Bowser from 'bowser'
import { describe, expect, it } from 'vitest'
import { devices } from '../domain/traits.ts'
import { chrome, googlebot } from '../testing/clicks.ts'
import { createUserAgentClassifier } from './user-agents.ts'

const classify = createUserAgentClassifier()
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1'

describe('a user agent', () => {
  it.each([
    [chrome, { isBot: false, browser: 'Chrome', operatingSystem: 'Windows', device: 'desktop' }],
    [iphone, { isBot: false, browser: 'Safari', operatingSystem: 'iOS', device: 'mobile' }],
    ['', { isBot: true, browser: '', operatingSystem: '', device: '' }],
  ])('%s is known', (userAgent, answer) => {
    expect(classify(userAgent)).toEqual(answer)
    expect(classify(userAgent)).toEqual(answer)
  })

  it.each([googlebot, 'curl/8.9.1', 'python-requests/2.32', 'Slackbot-LinkExpanding 1.0'])(
    '%s is a robot',
    (userAgent) => {
      expect(classify(userAgent).isBot).toBe(true)
    },
  )

  it('never brings control characters or long texts into the statistics', () => {
    const { browser, operatingSystem, device } = classify(`Ev\0il\u202E${'x'.repeat(400)}/1.0 (é)`)
    for (const name of [browser, operatingSystem, device]) expect(name).toMatch(/^[\x20-\x7e]{0,40}$/)
  })
})

it('devices are those of the list that user agents are read with', () => {
  expect(Object.values(Bowser.PLATFORMS_MAP).sort()).toEqual([...devices].sort())
})
