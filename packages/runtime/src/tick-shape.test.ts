import { executionAsyncResource } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { keepTickShape } from './tick-shape.ts'

setFlagsFromString('--expose-gc')
setFlagsFromString('--allow-natives-syntax')
const collect = runInNewContext('gc') as () => void
const haveSameShape = new Function('one', 'other', 'return %HaveSameMap(one, other)') as (
  one: object | undefined,
  other: object,
) => boolean

/** What describes a tick, held by nobody. */
const tick = () =>
  new Promise<WeakRef<object>>((resolve) => {
    process.nextTick(() => resolve(new WeakRef(executionAsyncResource())))
  })

test('what describes a tick is collected but for one, and later ones have its shape', async () => {
  const kept = new WeakRef(await keepTickShape())
  const passing = await tick()
  // A WeakRef that was just made holds what it names to the end of its turn.
  await delay(1)
  collect()
  expect(passing.deref()).toBeUndefined()
  expect(kept.deref()).toHaveProperty('callback')
  const later = await tick()
  expect(haveSameShape(kept.deref(), later.deref() ?? {})).toBe(true)
  expect(haveSameShape(kept.deref(), {})).toBe(false)
})
