/**
 * process.nextTick() describes each call by an object that lives for a moment, of a shape that nothing else has. A major
 * collection that finds none of them forgets the shape, and the next call makes it anew; but V8 expects the former one, and
 * its code asks the runtime for each call from then on (Runtime_DefineKeyedOwnPropertyInLiteral): 0.45 µs instead of 0.1,
 * twice for each answer. So one of these objects is kept.
 * docs/decisions/0043-what-a-collection-must-not-forget.md has the numbers.
 */
import { executionAsyncResource } from 'node:async_hooks'

let kept: object | undefined

/** Resolves with what is kept. To be called before a process has anything to do: what was forgotten by then stays so. */
export function keepTickShape(): Promise<object> {
  return new Promise((resolve) => {
    process.nextTick(() => {
      kept ??= executionAsyncResource()
      resolve(kept)
    })
  })
}
