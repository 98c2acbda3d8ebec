import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))
const setupFiles = [`${root}test/setup/seed.ts`]
/** A run that was killed left engines, fleets and homes behind; the next one ends them first. */
const abandoned = `${root}test/setup/abandoned.ts`
const never = ['**/node_modules/**', '**/dist/**', '**/.linkfleet/**']

/**
 * Every suite of the workspace. A test's suffix says what it needs: `x.test.ts` nothing, `x.engine.test.ts`
 * real engines, `x.fleet.test.ts` and `x.browser.test.ts` a running fleet, `x.faults.test.ts` fleets of its own, and
 * `x.long.test.ts` minutes as well: `npm test` leaves those to `npm test -- --all`.
 */
export default defineConfig({
  test: {
    root,
    projects: [
      {
        test: {
          name: 'unit',
          root,
          setupFiles,
          include: ['**/*.test.ts'],
          exclude: [...never, '**/*.{engine,fleet,browser,faults,long}.test.ts'],
          testTimeout: 30_000,
          // Vitest leaves one core to itself, which is every other one of a small machine.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'engine',
          root,
          setupFiles,
          include: ['**/*.engine.test.ts'],
          exclude: never,
          globalSetup: [abandoned, `${root}test/setup/engines.ts`],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          // Not beside those that take all cores.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'fleet',
          root,
          setupFiles,
          include: ['**/*.{fleet,browser}.test.ts'],
          exclude: never,
          globalSetup: [abandoned, `${root}test/setup/fleet.ts`],
          testTimeout: 90_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      ...['faults', 'long'].map((name) => ({
        test: {
          name,
          root,
          setupFiles,
          include: [`**/*.${name}.test.ts`],
          exclude: never,
          globalSetup: [abandoned],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      })),
    ],
  },
})
