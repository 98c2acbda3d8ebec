/**
 * The traits of a link's day as three texts, which are read, added to and written back whole. How much finds room is
 * bounded, since the headers that traits come from are the client's to forge. A click whose value finds no room is
 * part of the unnamed rest, which readers get as the day's clicks less the named ones, so every sum stays that of the
 * clicks.
 */
import type { Tally } from './rollup.ts'
import { traitBytesADayMax, traitValuesADayMax } from './traits.ts'

/** Lists of the same length: see migrations/0003_trait_packs.sql. */
export interface TraitPack {
  /** By line feeds. */
  readonly names: string
  /** By commas. */
  readonly humans: string
  readonly bots: string
}

/** The pack with these clicks in it. New values that do not all fit enter by their clicks. */
export function addToPack(held: TraitPack | undefined, values: ReadonlyMap<string, Tally>): TraitPack {
  const names = held === undefined ? [] : held.names.split('\n')
  const humans = held === undefined ? [] : held.humans.split(',')
  const bots = held === undefined ? [] : held.bots.split(',')
  const room = new Room()
  const isHeld = new Set<string>()
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string
    room.take(name)
    const more = values.get(name)
    if (more === undefined) continue
    isHeld.add(name)
    if (more.humans > 0) humans[index] = String(Number(humans[index]) + more.humans)
    if (more.bots > 0) bots[index] = String(Number(bots[index]) + more.bots)
  }
  const fresh = [...values].filter(([name]) => !isHeld.has(name))
  // The order matters only where not all of them find room.
  if (!room.isFor(fresh)) fresh.sort(byClicks)
  for (const [name, tally] of fresh) {
    if (!room.isFor([[name]])) continue
    room.take(name)
    names.push(name)
    humans.push(String(tally.humans))
    bots.push(String(tally.bots))
  }
  return { names: names.join('\n'), humans: humans.join(','), bots: bots.join(',') }
}

/** How much one day of a link holds so far. */
class Room {
  /** By trait. */
  readonly #values: number[] = []
  #bytes = 0

  take(name: string): void {
    const trait = name.charCodeAt(0)
    this.#values[trait] = (this.#values[trait] ?? 0) + 1
    this.#bytes += bytesOf(name)
  }

  /** Whether all of these, and perhaps more of one trait, would fit. */
  isFor(names: readonly (readonly [name: string, ...unknown[]])[]): boolean {
    let bytes = this.#bytes
    for (const [name] of names) {
      bytes += bytesOf(name)
      if ((this.#values[name.charCodeAt(0)] ?? 0) + names.length > traitValuesADayMax) return false
    }
    return bytes <= traitBytesADayMax
  }
}

/** At most: no character of UTF-16 takes more than three bytes. */
function bytesOf(name: string): number {
  return name.length * 3
}

function byClicks([a, one]: readonly [string, Tally], [b, other]: readonly [string, Tally]): number {
  return other.humans + other.bots - one.humans - one.bots || (a < b ? -1 : 1)
}
