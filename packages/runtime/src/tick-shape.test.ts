import { executionAsyncResource } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { keepTickShape } from './tick-shape.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('what describes a tick is collected but for one, which keeps its shape known', async () => {
  const kept = new WeakRef(await keepTickShape())
  const passing = await new Promise<WeakRef<object>>((resolve) => {
    process.nextTick(() => resolve(new WeakRef(executionAsyncResource())))
  })
  // A WeakRef that was just made holds what it names to the end of its turn.
  await delay(1)
  collect()
  expect(passing.deref()).toBeUndefined()
  expect(kept.deref()).toHaveProperty('callback')
})
