import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addToPack, type TraitPack } from './trait-pack.ts'
import { packedName, traitBytesADayMax, traitIds, traitValuesADayMax } from './traits.ts'

const values = (entries: Record<string, [humans: number, bots: number]>) =>
  new Map(Object.entries(entries).map(([name, [humans, bots]]) => [name, { humans, bots }]))

const sumsOf = ({ names, humans, bots }: TraitPack) => {
  const ofHumans = humans.split(',').map(Number)
  const ofBots = bots.split(',').map(Number)
  return new Map(names.split('\n').map((name, index) => [name, [ofHumans[index], ofBots[index]]]))
}

const forged = (trait: number, count: number, bytes = 4) =>
  new Map(
    Array.from({ length: count }, (_none, index) => [
      packedName(trait, String(index).padStart(bytes, 'x')),
      { humans: 1, bots: 0 },
    ]),
  )

describe('the traits of a day', () => {
  it('are added to what is held, people and robots apart', () => {
    const first = addToPack(undefined, values({ ADE: [2, 1], 'Cnews.example': [3, 0] }))
    const second = addToPack(first, values({ ADE: [1, 4], AFR: [0, 1] }))
    expect(second).toEqual({ names: 'ADE\nCnews.example\nAFR', humans: '3,3,0', bots: '5,0,1' })
  })

  it('are the same sums however the clicks are cut into batches', () => {
    const batch = fc.dictionary(
      fc.constantFrom('ADE', 'AFR', 'B__proto__', 'C', 'Da b, c'),
      fc.tuple(fc.nat(9), fc.nat(9)),
      { minKeys: 1 },
    )
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 8 }), (batches) => {
        const expected = new Map<string, number[]>()
        let pack: TraitPack | undefined
        for (const each of batches) {
          pack = addToPack(pack, values(each))
          for (const [name, [humans, bots]] of Object.entries(each)) {
            const [h = 0, b = 0] = expected.get(name) ?? []
            expected.set(name, [h + humans, b + bots])
          }
        }
        expect(sumsOf(pack as TraitPack)).toEqual(expected)
      }),
    )
  })

  it('that do not all find room enter by their clicks, and what is held goes on being counted', () => {
    const full = addToPack(undefined, forged(traitIds.referrer, traitValuesADayMax - 1))
    const more = addToPack(full, values({ Brare: [1, 0], Boften: [5, 0], Bxxx7: [1, 0], ADE: [1, 0] }))
    const sums = sumsOf(more)
    expect(sums.size).toBe(traitValuesADayMax + 1)
    expect(sums.get('Boften')).toEqual([5, 0])
    expect(sums.get('Bxxx7')).toEqual([2, 0])
    expect(sums.get('ADE')).toEqual([1, 0])
    expect(sums.has('Brare')).toBe(false)
  })

  it('take no more room than the bound, however long their names are', () => {
    let pack: TraitPack | undefined
    for (let trait = 1; trait <= 13; trait++) pack = addToPack(pack, forged(trait, 1_000, 128))
    expect(Buffer.byteLength(pack?.names ?? '')).toBeLessThanOrEqual(traitBytesADayMax)
  })
})
