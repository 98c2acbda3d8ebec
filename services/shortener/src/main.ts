import { runService } from '@linkfleet/runtime/process'
import { shortenerConfig } from './config.ts'
import { startShortener } from './service.ts'

await runService({ name: 'shortener', config: shortenerConfig, start: startShortener })
