import { CommitUnknownError } from '@linkfleet/runtime/postgres'
import { describe, expect, it } from 'vitest'
import { boundedChange } from './store-errors-pg.ts'

describe('a change that no Idempotency-Key can settle', () => {
  const never = () => new Promise<never>(() => {})
  const lost = () => Promise.reject(new CommitUnknownError(new Error('gone')))

  it.each([
    ['never answered', never],
    ['whose answer to COMMIT is lost', lost],
  ])('(%s) says to read again, and speaks of no key', async (_name, work) => {
    const answer = boundedChange(work, performance.now() + 10, 'the link')
    await expect(answer).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: expect.stringMatching(/Read the link again/),
      retryAfterSeconds: 1,
    })
    await expect(answer).rejects.not.toMatchObject({ message: expect.stringMatching(/Idempotency-Key/) })
  })
})
