/** The fleet's first key: made once, readable by its owner only. */
import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { waitFor } from '../wait.ts'
import { adminKeyFile } from './plan.ts'

export async function ensureAdminKey(home: string): Promise<string> {
  const file = adminKeyFile(home)
  try {
    const key = (await readFile(file, 'utf8')).trim()
    if (key !== '') {
      await chmod(file, 0o600)
      return key
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
  }
  const key = `lfk_${randomBytes(24).toString('base64url')}`
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  return key
}

const LOGIN_TIMEOUT_MS = 20_000

/** A login that works once, for the address that opens the console. The key may not be in force yet: asked again. */
export function makeLoginToken(shortenerUrl: string, adminKey: string, signal: AbortSignal): Promise<string> {
  const waiting = {
    what: 'the shortener gave no login',
    timeoutMs: LOGIN_TIMEOUT_MS,
    intervalMs: 200,
    signal,
  }
  return waitFor(waiting, async () => {
    const answer = await fetch(`${shortenerUrl}/api/v1/login-tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      signal: AbortSignal.timeout(5_000),
    })
    if (!answer.ok) throw new Error(`it answered ${answer.status}: ${await answer.text()}`)
    return ((await answer.json()) as { token: string }).token
  })
}
