/**
 * Where chance in tests begins: at the same seed each time, so that what fails is a change of the code, not of the day.
 * `LINKFLEET_SEED=random` looks elsewhere, and prints where; `LINKFLEET_SEED=N` looks there again.
 */
import { randomInt } from 'node:crypto'

const seedMax = 2 ** 31 - 1
const usualSeed = 20_251_101

function seedOf(asked: string | undefined): number {
  if (asked === undefined || asked === '') return usualSeed
  if (asked !== 'random') {
    const seed = Number(asked)
    if (Number.isInteger(seed) && seed > 0 && seed <= seedMax) return seed
    throw new Error(`LINKFLEET_SEED must be "random" or a number from 1 to ${seedMax}, not "${asked}".`)
  }
  const seed = randomInt(1, seedMax)
  console.log(`LINKFLEET_SEED=${seed}`)
  return seed
}

export const testSeed = seedOf(process.env.LINKFLEET_SEED)

/** How many histories a model goes through: `usual`, or what LINKFLEET_RUNS says. */
export function testRuns(usual: number): number {
  const asked = process.env.LINKFLEET_RUNS
  if (asked === undefined || asked === '') return usual
  const runs = Number(asked)
  if (Number.isInteger(runs) && runs > 0) return runs
  throw new Error(`LINKFLEET_RUNS must be a positive number, not "${asked}".`)
}
