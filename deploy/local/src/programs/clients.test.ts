import { expect, test } from 'vitest'
import { failureSentence, findOnPath, runClient } from './clients.ts'

test.each([
  ['mvn', 'Could not transfer artifact: Unknown host repo.invalid: Name or service not known'],
  ['pip', 'NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused'],
  ['apt-get', 'E: Failed to fetch pool/p.deb  Temporary failure resolving'],
])('without a network %s ends in one sentence that says so', (client, output) => {
  const sentence = failureSentence('Kafka', `/usr/bin/${client}`, output)
  expect(sentence).toMatch(/^Kafka could not be fetched with .*network.*\.$/)
  expect(sentence).toContain(client)
  expect(sentence).not.toContain('\n')
})

test('a full disk is told as that', () => {
  expect(failureSentence('Kafka', 'mvn', 'java.io.IOException: No space left on device')).toContain(
    'the disk is full',
  )
})

test('any other failure is told in the client’s own words', () => {
  const output = 'Scanning…\n[ERROR] The goal you specified requires a project\n[ERROR] more\n'
  expect(failureSentence('Kafka', 'mvn', output)).toContain('The goal you specified requires a project')
})

test('a fetch ends as soon as it is no longer wanted', async () => {
  const wish = new AbortController()
  const running = runClient('Kafka', '/bin/sleep', ['60'], { cwd: '/tmp', signal: wish.signal })
  wish.abort(new Error('stopped by hand'))
  await expect(running).rejects.toThrow('stopped by hand')
})

test('a program that is not on the PATH is not found', () => {
  expect(findOnPath('sh', '/nowhere:/bin:/usr/bin')).toMatch(/bin\/sh$/)
  expect(findOnPath('sh', '/nowhere')).toBeUndefined()
})
