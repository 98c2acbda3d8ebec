/**
 * As whom Postgres runs. It refuses to be root, so then it works as another user. And while it makes its folder it
 * asks for its user's name: an id without one, as containers like to use, borrows a name in a user namespace of its
 * own (user_namespaces(7)), where it keeps its own rights and nothing more.
 */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { LocalFleetError } from '../problem.ts'

export type UnixUser = { uid: number; gid: number }

/** The user to switch to; undefined when Postgres can run as whoever runs this. */
export function userForPostgres(): UnixUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const user = namedUser()
  if (user === undefined) {
    throw new LocalFleetError(
      'Postgres does not run as root, and this machine has neither a user postgres nor nobody.',
    )
  }
  return user
}

function namedUser(): UnixUser | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const wanted of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${wanted}:`))?.split(':')
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  return undefined
}

/** The command that runs `program` under a user id that has a name. */
export function withNamedUser(
  program: string,
  args: readonly string[],
  hasName = hasUserName(),
): { file: string; args: string[] } {
  const lender = hasName ? undefined : namedUser()
  if (lender === undefined) return { file: program, args: [...args] }
  const mapping = ['--user', `--map-user=${lender.uid}`, `--map-group=${lender.gid}`]
  return { file: 'unshare', args: [...mapping, '--', program, ...args] }
}

function hasUserName(): boolean {
  try {
    userInfo()
    return true
  } catch {
    return false
  }
}
