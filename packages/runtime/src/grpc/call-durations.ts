/**
 * How long calls of this process to other services took, as their callers saw it: with waits for an instance, second
 * tries and all. The server's own grpc_server_handling_seconds says nothing of calls that never reached it.
 */
import grpc from '@grpc/grpc-js'
import { latencyBucketsSeconds, type Metrics } from '../metrics.ts'

export interface CallDurations {
  /** `path` is a method's own: '/linkfleet.ids.v1.IdGenerator/AllocateCodes'. */
  observe(path: string, code: grpc.status, seconds: number): void
}

/** Those that alerts and panels ask about before they have happened. */
const expectedCodes = ['OK', 'DEADLINE_EXCEEDED', 'UNAVAILABLE']

/** Every method of the service is there at 0 from now on. */
export function measureCalls(metrics: Metrics, service: grpc.ServiceDefinition): CallDurations {
  const durations = metrics.histogram(
    'grpc_client_handling_seconds',
    'Time from a call to its answer or failure as its caller saw it, second tries included.',
    ['grpc_service', 'grpc_method', 'grpc_code'],
    latencyBucketsSeconds,
  )
  for (const { path } of Object.values(service)) {
    for (const code of expectedCodes) durations.zero({ ...labelsOf(path), grpc_code: code })
  }
  return {
    observe(path, code, seconds) {
      durations.observe({ ...labelsOf(path), grpc_code: grpc.status[code] ?? 'UNKNOWN' }, seconds)
    },
  }
}

function labelsOf(path: string) {
  const [, service = '', method = ''] = path.split('/')
  return { grpc_service: service, grpc_method: method }
}
