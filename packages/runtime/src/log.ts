/** Structured logs: one JSON object a line on standard output. */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import { currentRequestId } from './request-id.ts'
import { traceFields } from './tracing/tracing.ts'

export type Logger = PinoLogger

const secretPaths = [
  'authorization',
  '*.authorization',
  'headers.authorization',
  'headers["x-api-key"]',
  'headers.cookie',
]

export function createLogger(
  service: string,
  instance: string,
  level: string,
  destination: DestinationStream = pino.destination(1),
): Logger {
  const options = {
    level,
    base: { service, instance, pid: process.pid },
    mixin: requestFields,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretPaths, censor: '[redacted]' },
  }
  return pino(options, destination)
}

/** Which request, and which trace, a line belongs to. */
function requestFields(): Record<string, string> {
  const requestId = currentRequestId()
  return requestId === undefined ? traceFields() : { requestId, ...traceFields() }
}

/** A logger that drops everything, for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}
