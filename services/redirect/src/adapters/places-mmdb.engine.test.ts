import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openPlaces } from './places-mmdb.ts'

const nowhere = { country: '', region: '', city: '' }

test('the packaged database knows the country of public addresses', async () => {
  const findPlace = await openPlaces('')
  expect(findPlace('193.99.144.80')).toEqual({ country: 'DE', region: '', city: '' })
  expect(findPlace('2a02:2e0:3fe:1001::1')).toEqual({ country: 'DE', region: '', city: '' })
})

test.each(['127.0.0.1', '10.1.2.3', '::1', 'fe80::1%eth0', '', 'not an address', '999.1.1.1'])(
  'nothing is known of "%s"',
  async (address) => expect((await openPlaces(''))(address)).toEqual(nowhere),
)

test('a file that is missing or no database is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'linkfleet-places-'))
  try {
    const file = join(folder, 'cities.mmdb')
    await expect(openPlaces(file)).rejects.toThrow(`GEO_DATABASE_FILE ${file}`)
    await writeFile(file, 'no database')
    await expect(openPlaces(file)).rejects.toThrow(`GEO_DATABASE_FILE ${file}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
