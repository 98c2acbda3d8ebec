/** A service that does nothing, for the tests of how a process lives. */
import { commonOptions, defineConfig, flag } from '../src/config.ts'
import { runService } from '../src/process.ts'

const config = defineConfig({
  ...commonOptions,
  hangs: flag('EXAMPLE_HANGS', { description: 'Never finishes draining.', default: false }),
  rejects: flag('EXAMPLE_REJECTS', { description: 'Leaves a rejection unhandled.', default: false }),
})

await runService({
  name: 'example',
  config,
  async start({ hangs, rejects }, { health, log }) {
    health.dependency('engine', () => 'away')
    health.setReady()
    if (rejects) void Promise.reject(new Error('a defect of the example'))
    return {
      async [Symbol.asyncDispose]() {
        if (hangs) await new Promise(() => {})
        log.info('the example was disposed')
      },
    }
  },
})
