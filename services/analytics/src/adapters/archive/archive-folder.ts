/** An archive in a folder. A segment is written aside, flushed and renamed, so no name ever holds half of one. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ArchiveStore } from '../../ports.ts'

export function openArchiveFolder(folder: string): ArchiveStore {
  /** Folders of many thousands of files are slow to list. */
  const pathOf = (name: string) => join(folder, name.slice(0, 2), name)
  return {
    async put(name, content) {
      const path = pathOf(name)
      const aside = join(dirname(path), `.${name}-${randomUUID()}`)
      await mkdir(dirname(path), { recursive: true })
      try {
        const file = await open(aside, 'wx', 0o640)
        try {
          await file.writeFile(content)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(aside, path)
      } catch (cause) {
        await rm(aside, { force: true }).catch(() => {})
        throw cause
      }
      await syncFolder(dirname(path))
      await syncFolder(folder)
    },
    async get(name) {
      try {
        return await readFile(pathOf(name))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw cause
      }
    },
  }
}

/** A renamed file is there after a power loss only when its folder is flushed too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
