import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A folder for a test's engines. Others may enter it, though not list it: run by root, Postgres works as another user,
 * and in a closed home its data would lie elsewhere and outlive the home.
 */
export async function temporaryHome(purpose: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), `linkfleet-${purpose}-`))
  await chmod(home, 0o711)
  return home
}
