import { runService } from '@linkfleet/runtime/process'
import { redirectConfig } from './config.ts'
import { startRedirect } from './service.ts'

await runService({ name: 'redirect', config: redirectConfig, start: startRedirect })
