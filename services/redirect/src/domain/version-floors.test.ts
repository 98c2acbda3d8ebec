import { expect, test } from 'vitest'
import { VersionFloors } from './version-floors.ts'

const order = { timeline: 1, version: 1 }

function forgottenAfter(waitMs: number): number[] {
  const forgotten: number[] = []
  const floors = new VersionFloors(2, (nowMs) => forgotten.push(nowMs))
  for (const key of ['a', 'b']) floors.tell(key, order, 0)
  floors.tell('c', order, waitMs)
  expect(floors.get('a', waitMs)).toBeUndefined()
  expect(floors.size).toBeLessThanOrEqual(2)
  return forgotten
}

test('a floor that goes for want of room is told of while a read may still be below it', () => {
  expect(forgottenAfter(19_999)).toEqual([19_999])
  expect(forgottenAfter(20_000)).toEqual([])
  expect(forgottenAfter(60_000)).toEqual([])
})
