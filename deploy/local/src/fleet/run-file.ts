/** run.json: what runs, always with the live process ids. Renamed into place, so a reader sees a whole one. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessIdentity } from '../process-identity.ts'

export type RunService = {
  name: string
  instance: string
  pid: number
  url?: string
  grpc?: string
  admin: string
}

export type RunFile = {
  services: RunService[]
  engines: { name: string; pid: number; url: string }[]
  supervisor: ProcessIdentity
  publicUrl: string
}

export function writeRunFile(home: string, run: RunFile): void {
  mkdirSync(home, { recursive: true })
  const file = join(home, 'run.json')
  writeFileSync(`${file}.new`, `${JSON.stringify(run, null, 2)}\n`)
  renameSync(`${file}.new`, file)
}

export function readRunFile(home: string): RunFile | undefined {
  try {
    return JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')) as RunFile
  } catch {
    return undefined
  }
}

export function removeRunFile(home: string): void {
  rmSync(join(home, 'run.json'), { force: true })
}
