import type { Pool } from '@linkfleet/runtime/postgres'
import { expect, it } from 'vitest'
import { openOutboxSessionPg } from './outbox-session-pg.ts'

it('a session whose first statement fails is ended, so that the pool can open another', async () => {
  const released: unknown[] = []
  const pool = {
    session: async () => ({
      raw: { release: (isBroken: unknown) => released.push(isBroken) },
      query: async () => {
        throw new Error('connection lost')
      },
    }),
  } as unknown as Pool
  await expect(openOutboxSessionPg(pool)).rejects.toThrow('connection lost')
  expect(released).toEqual([true])
})
