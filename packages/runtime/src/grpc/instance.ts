/**
 * One instance of a service as its callers see it: a connection of its own, heartbeats on it, and a stream on which the
 * instance tells whether it serves (https://grpc.io/docs/guides/health-checking/; grpc-js has no such watcher itself).
 *
 * A process that is stopped (SIGSTOP) keeps its connections and accepts new ones, in the kernel; only silence gives it
 * away. So an instance serves from its own word on until the stream ends: by NOT_SERVING, by the end of the connection,
 * or by a heartbeat that goes unanswered.
 */
import grpc from '@grpc/grpc-js'
import { backoffMs } from '../backoff.ts'
import { Standing } from './balance.ts'
import { watchHealth } from './watch-health.ts'

export type ClientConstructor<Client extends grpc.Client> = new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options?: Partial<grpc.ClientOptions>,
) => Client

export interface Instance<Client> extends Disposable {
  /** A numeric host and a port. */
  readonly address: string
  readonly standing: Standing
  readonly client: Client
}

/** Together at most 3.5 s until a frozen instance's connection ends. */
const heartbeatEveryMs = 2_000
const heartbeatTimeoutMs = 1_500
/** A connection may be accepted and then say nothing; a fresh one finds out whether somebody is there again. */
const firstWordMs = 5_000
const watchAgain = { baseMs: 100, maxMs: 1_000 }

const channelOptions: Partial<grpc.ClientOptions> = {
  'grpc.service_config_disable_resolution': 1,
  // Each instance has its connection alone, so that leaving the instance ends the connection.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.keepalive_time_ms': heartbeatEveryMs,
  'grpc.keepalive_timeout_ms': heartbeatTimeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
}

/** `serviceName` is what its health is asked for: another service that got the address later does not know it. */
export function openInstance<Client extends grpc.Client>(
  ClientClass: ClientConstructor<Client>,
  address: string,
  serviceName: string,
): Instance<Client> {
  const standing = new Standing()
  const connect = () => new ClientClass(address, grpc.credentials.createInsecure(), channelOptions)
  let client = connect()
  let stream: grpc.ClientReadableStream<boolean> | undefined
  let again: NodeJS.Timeout | undefined
  let failures = 0
  let disposed = false

  function watch(): void {
    stream = watchHealth(client, serviceName)
    const silence = setTimeout(reconnect, firstWordMs)
    stream.on('data', (isServing: boolean) => {
      clearTimeout(silence)
      failures = 0
      standing.isServing = isServing
      // A server that drains waits for its streams, so it is let go at once.
      if (!standing.isServing) stream?.cancel()
    })
    stream.on('error', () => {})
    stream.once('status', ({ code }) => {
      clearTimeout(silence)
      // One that does not tell of its health serves as long as it answers.
      standing.isServing = code === grpc.status.UNIMPLEMENTED
      if (!disposed) again = setTimeout(watch, backoffMs(failures++, watchAgain))
    })
  }

  function reconnect(): void {
    const silent = client
    client = connect()
    stream?.cancel()
    silent.close()
  }

  watch()
  return {
    address,
    standing,
    get client() {
      return client
    },
    [Symbol.dispose]() {
      disposed = true
      clearTimeout(again)
      stream?.cancel()
      client.close()
    },
  }
}
