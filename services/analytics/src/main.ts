import { runService } from '@linkfleet/runtime/process'
import { analyticsConfig } from './config.ts'
import { startAnalytics } from './service.ts'

await runService({ name: 'analytics', config: analyticsConfig, start: startAnalytics })
