import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LocalFleetError } from '../problem.ts'
import { LogFollower } from './follow-log.ts'
import { createReadable, readLevel } from './readable-log.ts'
import { showLogs } from './show-logs.ts'

const entry = (level: number, more: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    level,
    time: '2026-11-21T10:11:12.345Z',
    service: 'redirect',
    instance: 'redirect-2',
    pid: 4242,
    requestId: 'of-a-visitor',
    ...more,
    msg: 'a source of links does not answer',
  })

function logFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'linkfleet-logs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'redirect-2.log')
}

describe('a line', () => {
  const readable = createReadable({ level: 'warn', colorize: false })

  test('is words: when, how grave, who, what, for which request, and why in a sentence', () => {
    const text = readable(
      entry(40, { err: { type: 'Error', message: 'no route', stack: 'Error: no route\n at x' } }),
    )
    expect(text).toMatch(
      /^\[\d\d:\d\d:\d\d\] WARN: redirect-2 a source of links does not answer \{"requestId":"of-a-visitor","because":"no route"\}$/,
    )
  })

  test('is one line, whatever its fields are called', () => {
    expect(readable(entry(40, { error: 'not the leader' }))).toContain('"error":"not the leader"}')
  })

  test('below the level is not shown', () => expect(readable(entry(30))).toBeUndefined())

  test.each(['Segmentation fault', '{"no":"line of ours"}', '{broken'])(
    'that is not ours stays: %s',
    (line) => expect(readable(line)).toBe(line),
  )

  test('that is very long is cut', () => expect(readable('x'.repeat(5_000))).toHaveLength(2_001))
})

test('a level that there is not is refused by name', () => {
  expect(readLevel('info')).toBe('info')
  expect(() => readLevel('loud')).toThrow(LocalFleetError)
})

describe('a file that is followed', () => {
  test('gives what is appended, once, by whole lines', () => {
    const file = logFile()
    writeFileSync(file, 'of an earlier start\n')
    const follower = new LogFollower(file)
    appendFileSync(file, 'one\ntw')
    expect(follower.read()).toEqual(['one'])
    appendFileSync(file, 'o\nthree\n')
    expect(follower.read()).toEqual(['two', 'three'])
    expect(follower.read()).toEqual([])
  })

  test('that comes later, is renamed and begun anew, or is gone, is followed all the same', () => {
    const file = logFile()
    const follower = new LogFollower(file)
    expect(follower.read()).toEqual([])
    writeFileSync(file, 'one\n')
    expect(follower.read()).toEqual(['one'])
    renameSync(file, `${file}.1`)
    writeFileSync(file, 'two, in another file\n')
    expect(follower.read()).toEqual(['two, in another file'])
    rmSync(file)
    expect(follower.read()).toEqual([])
  })

  test('that grows faster than one could read is shown with a gap', () => {
    const file = logFile()
    const follower = new LogFollower(file)
    writeFileSync(file, `${'a line of this log\n'.repeat(10_000)}the last\n`)
    const lines = follower.read()
    expect(lines[0]).toContain('bytes more are in')
    expect(lines.at(-1)).toBe('the last')
    expect(lines.length).toBeLessThan(4_000)
  })
})

test('what was logged before the end is still shown', () => {
  const file = logFile()
  const shown: string[] = []
  {
    using _logs = showLogs([file], { level: 'info', colorize: false }, (text) => shown.push(text))
    writeFileSync(file, `${entry(20)}\n${entry(30)}\n`)
  }
  expect(shown).toHaveLength(1)
  expect(shown[0]).toContain('INFO: redirect-2 a source of links does not answer')
})
