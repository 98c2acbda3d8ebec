/** The admin key of a deployment: read from its file at the start, told to the database as soon as that answers. */
import { readFile } from 'node:fs/promises'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import { chosenKeyLengthMin, credentialLengthMax } from '../domain/credentials.ts'
import type { CredentialStore } from '../ports.ts'

export interface AdminKeyEvents {
  adminKeySeeded(): void
  adminKeyNotSeeded(error: unknown): void
}

/** '' is no file. Throws when the file cannot be read or holds no fit key; seeding itself goes on until it succeeds. */
export async function seedAdminKey(
  file: string,
  credentials: CredentialStore,
  events: AdminKeyEvents,
): Promise<AsyncDisposable> {
  const stopping = new AbortController()
  const seeding = file === '' ? Promise.resolve() : seed(await readChosenKey(file))
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await seeding
    },
  }

  async function seed(key: string): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      try {
        await credentials.seedAdminKey(key)
        return events.adminKeySeeded()
      } catch (error) {
        events.adminKeyNotSeeded(error)
        await sleep(backoffMs(attempt, { baseMs: 100, maxMs: 2_000 }), stopping.signal)
      }
    }
  }
}

async function readChosenKey(file: string): Promise<string> {
  const key = (await readFile(file, 'utf8')).trim()
  if (key.length < chosenKeyLengthMin || key.length > credentialLengthMax) {
    throw new Error(
      `ADMIN_KEY_FILE must hold a key of ${chosenKeyLengthMin} to ${credentialLengthMax} characters.`,
    )
  }
  return key
}
