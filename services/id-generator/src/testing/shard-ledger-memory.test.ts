import { AHEAD_MAX } from '../domain/rules.ts'
import { createMemoryLedger } from './shard-ledger-memory.ts'
import { describeShardLedger } from './shard-ledger-suite.ts'

describeShardLedger('in memory', async () => {
  let nowMs = 0
  return {
    ledger: createMemoryLedger({
      shardCount: 1_024,
      standbyCount: 0,
      aheadMax: AHEAD_MAX,
      clock: () => nowMs,
    }),
    expireLeases: async () => {
      nowMs += 1_000_000
    },
    [Symbol.asyncDispose]: async () => {},
  }
})
