import { runService } from '@linkfleet/runtime/process'
import { idGeneratorConfig } from './config.ts'
import { startIdGenerator } from './service.ts'

await runService({ name: 'id-generator', config: idGeneratorConfig, start: startIdGenerator })
