/** The archive that the configuration names, and its keys. */
import { readFileSync } from 'node:fs'
import { type ArchiveKey, readArchiveKeys } from '../../domain/archive/archive-key.ts'
import { readArchiveUrl } from '../../domain/archive/archive-url.ts'
import type { ArchiveStore } from '../../ports.ts'
import { openArchiveFolder } from './archive-folder.ts'
import { openArchiveS3 } from './archive-s3.ts'

export interface ArchiveConfig {
  readonly archiveUrl: string
  readonly archiveKeyFile: string
  readonly archiveAccessKeyId: string
  readonly archiveSecretAccessKey: string
  readonly archiveSessionToken: string
}

export interface OpenArchive {
  readonly archive: ArchiveStore
  /** The first encrypts; without any, nothing is encrypted. */
  readonly keys: readonly ArchiveKey[]
}

/** undefined where no archive is named. Throws an Error that names the variable that is wrong. */
export function openArchive(config: ArchiveConfig): OpenArchive | undefined {
  if (config.archiveUrl === '') return undefined
  return { archive: openStore(config), keys: readKeys(config.archiveKeyFile) }
}

function openStore(config: ArchiveConfig): ArchiveStore {
  const place = naming('ARCHIVE_URL', () => readArchiveUrl(config.archiveUrl))
  if (place.kind === 'folder') return openArchiveFolder(place.folder)
  if (config.archiveAccessKeyId === '' || config.archiveSecretAccessKey === '')
    throw new Error('ARCHIVE_URL names a bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.')
  return openArchiveS3(place, {
    accessKeyId: config.archiveAccessKeyId,
    secretAccessKey: config.archiveSecretAccessKey,
    sessionToken: config.archiveSessionToken,
  })
}

function readKeys(file: string): readonly ArchiveKey[] {
  return file === '' ? [] : naming('ARCHIVE_KEY_FILE', () => readArchiveKeys(readFileSync(file, 'utf8')))
}

function naming<T>(variable: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Error(`${variable}: ${(cause as Error).message}`, { cause })
  }
}
