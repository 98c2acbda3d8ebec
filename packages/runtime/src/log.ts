/** Structured logs: one JSON object a line on standard output. */
import { type Logger as PinoLogger, pino } from 'pino'
import { traceFields } from './tracing/tracing.ts'

export type Logger = PinoLogger

const secretPaths = [
  'authorization',
  '*.authorization',
  'headers.authorization',
  'headers["x-api-key"]',
  'headers.cookie',
]

export function createLogger(service: string, instance: string, level: string): Logger {
  return pino({
    level,
    base: { service, instance, pid: process.pid },
    mixin: traceFields,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretPaths, censor: '[redacted]' },
  })
}

/** A logger that drops everything, for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}
