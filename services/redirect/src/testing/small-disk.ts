/** Disks of a test's own that can be filled, for root and for ordinary users. Linux only. */
import { execFile } from 'node:child_process'
import { appendFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface SmallDisk {
  /** Becomes the process whose command line follows; that process has the disk at the folder. */
  readonly command: readonly string[]
  /** The same, on a disk that is full before the process begins. */
  readonly commandOnFull: readonly string[]
  /** Leaves no room for anything, or, with `exceptBytes`, about so much. */
  fill(pid: number, exceptBytes?: number): Promise<void>
  free(pid: number): Promise<void>
}

const diskBytes = 2 * 1024 * 1024
const filler = 'filler-'
const mount = `mount -t tmpfs -o size=${diskBytes},nr_inodes=64 tmpfs "$0"`
const fillAll = `i=0; while true > "$0/${filler}$i"; do i=$((i+1)); done 2>/dev/null; cat /dev/zero > "$0/${filler}0" 2>/dev/null`

/** A file system in memory, in a name space of mounts that only the process has. undefined where nobody may mount. */
export async function memoryDisk(folder: string): Promise<SmallDisk | undefined> {
  for (const flags of [['--mount'], ['--user', '--map-root-user', '--mount']]) {
    const within = (script: string) => ['unshare', ...flags, 'sh', '-c', script, folder]
    const [program, ...args] = within(`${mount} && "$@"`)
    const mayMount = await run(program!, [...args, 'true']).then(
      () => true,
      () => false,
    )
    if (!mayMount) continue
    const seenFrom = (pid: number) => join('/proc', String(pid), 'root', folder)
    return {
      command: within(`${mount} && exec "$@"`),
      commandOnFull: within(`${mount} && { ${fillAll}; exec "$@"; }`),
      async fill(pid, exceptBytes = 0) {
        const path = join(seenFrom(pid), `${filler}0`)
        await untilNoRoom(async () => await appendFile(path, Buffer.alloc(4_096)), diskBytes / 4_096)
        if (exceptBytes > 0) await run('truncate', ['--size', `-${exceptBytes}`, path])
        else await untilNoRoom(async (file) => await writeFile(join(seenFrom(pid), filler + file), ''), 64)
      },
      async free(pid) {
        for (const name of await readdir(seenFrom(pid))) {
          if (name.startsWith(filler)) await rm(join(seenFrom(pid), name))
        }
      },
    }
  }
  return undefined
}

async function untilNoRoom(write: (attempt: number) => Promise<void>, attemptsMax: number): Promise<void> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    try {
      await write(attempt)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw cause
    }
  }
  throw new Error('The disk has more room than it was given.')
}

/** A limit on how large files may become, which any user may set for their own processes: no write succeeds. */
export const limitedFiles: SmallDisk = {
  command: ['prlimit', '--fsize=unlimited:unlimited'],
  commandOnFull: ['prlimit', '--fsize=0:unlimited'],
  async fill(pid) {
    await run('prlimit', ['--pid', String(pid), '--fsize=0:unlimited'])
  },
  async free(pid) {
    await run('prlimit', ['--pid', String(pid), '--fsize=unlimited:unlimited'])
  },
}
