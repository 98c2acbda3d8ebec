import { runService } from '@linkfleet/runtime/process'
import { consoleConfig } from './config.ts'
import { startConsole } from './service.ts'

await runService({ name: 'console', config: consoleConfig, start: startConsole })
