// The previous version of each service goes on running while and after a migration is applied, so a migration only adds.
// What it makes obsolete goes a release later, in a file whose name says so: NNNN_contract_….sql.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const services = fileURLToPath(new URL('../../../services', import.meta.url))

const contracting: readonly (readonly [string, RegExp])[] = [
  ['drops', /\bDROP\s+(TABLE|COLUMN|SCHEMA|SEQUENCE|FUNCTION|TYPE|VIEW|INDEX|CONSTRAINT)\b/i],
  ['refuses rows that the previous version may write', /\bCREATE\s+UNIQUE\s+INDEX\b|\bADD\s+CONSTRAINT\b/i],
  ['renames', /\bRENAME\s+(TO|COLUMN|CONSTRAINT)\b/i],
  ['changes the type of a column', /\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE\b/i],
  ['forbids NULL where the previous version may write it', /\bSET\s+NOT\s+NULL\b/i],
  [
    'adds a column that the previous version does not fill',
    /\bADD\s+COLUMN\s+(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT\s+NULL\b/i,
  ],
  ['takes rights away', /\bREVOKE\b(?![^;]*\bFROM\s+PUBLIC\b)/i],
]

/** Went before drops of indexes were looked for: the previous version read it by no statement, so it missed nothing. */
const harmless = 'shortener/migrations/0006_one_index_of_urls.sql'

const withoutComments = (sql: string) => sql.replace(/--.*$/gm, '')

function whatItContracts(sql: string): string[] {
  return contracting.flatMap(([what, pattern]) => (pattern.test(withoutComments(sql)) ? [what] : []))
}

/** Paths below services/. */
const files = readdirSync(services, { withFileTypes: true }).flatMap(({ name: service }) => {
  const folder = join(service, 'migrations')
  if (!existsSync(join(services, folder))) return []
  const names = readdirSync(join(services, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.sql')).map((name) => join(folder, name))
})

test.each(files)('%s only adds', (path) => {
  // What lies deeper is not part of the numbered history: indexes that are built beside traffic.
  if (basename(dirname(path)) === 'migrations') expect(basename(path)).toMatch(/^\d{4}_[a-z_]+\.sql$/)
  if (/^\d{4}_contract_/.test(basename(path)) || path === harmless) return
  expect(whatItContracts(readFileSync(join(services, path), 'utf8'))).toEqual([])
})

test('there are migrations to look at', () => expect(files.length).toBeGreaterThan(5))

test.each([
  'ALTER TABLE links.links DROP COLUMN title;',
  'ALTER TABLE links.links RENAME COLUMN title TO name;',
  'ALTER TABLE links.links ALTER COLUMN code TYPE varchar(20);',
  'ALTER TABLE links.links ALTER COLUMN title SET NOT NULL;',
  'ALTER TABLE links.links ADD COLUMN owner text NOT NULL;',
  'REVOKE SELECT ON links.links FROM linkfleet_redirect;',
  'DROP INDEX links.links_by_tag;',
  'ALTER TABLE links.links ADD CONSTRAINT short CHECK (length(code) < 9);',
  'CREATE UNIQUE INDEX links_by_url ON links.links (target_url);',
])('%s is seen', (sql) => expect(whatItContracts(sql)).toHaveLength(1))

test.each([
  "ALTER TABLE links.links ADD COLUMN owner text NOT NULL DEFAULT 'none';",
  'ALTER TABLE links.links ADD COLUMN owner text;',
  '-- DROP TABLE links.links would be wrong.',
  'REVOKE ALL ON FUNCTION ids.rotate_key() FROM PUBLIC;',
])('%s is fine', (sql) => expect(whatItContracts(sql)).toEqual([]))
