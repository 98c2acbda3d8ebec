/** Which replica to read: the fastest of those that follow closely, by a moving average of latency. */
import { freshForMs } from './freshness.ts'

export interface ReplicaHealth {
  /** False after a failure, until a probe succeeds. */
  readonly up: boolean
  /** Exponentially weighted moving average. */
  readonly latencyMs: number
  /** The newest heartbeat seen on it, on the primary's clock; 0 before the first. */
  readonly beatAtMs: number
}

const newestWeight = 0.2

/** A probe or read answered after `latencyMs` and showed the heartbeat `beatAtMs`. */
export function withProbe(health: ReplicaHealth, latencyMs: number, beatAtMs: number): ReplicaHealth {
  const average =
    health.up && health.latencyMs > 0
      ? health.latencyMs * (1 - newestWeight) + latencyMs * newestWeight
      : latencyMs
  return { up: true, latencyMs: average, beatAtMs: Math.max(health.beatAtMs, beatAtMs) }
}

export function withFailure(health: ReplicaHealth): ReplicaHealth {
  return { ...health, up: false }
}

/** The index of the replica to read, or -1. With `lagging`, the one that follows best, however far behind it is. */
export function chooseReplica(replicas: readonly ReplicaHealth[], nowMs: number, lagging: boolean): number {
  let chosen = -1
  for (const [index, replica] of replicas.entries()) {
    if (!replica.up || replica.beatAtMs === 0) continue
    if (!lagging && nowMs - replica.beatAtMs >= freshForMs) continue
    const best = replicas[chosen]
    const better =
      best === undefined || (lagging ? replica.beatAtMs > best.beatAtMs : replica.latencyMs < best.latencyMs)
    if (better) chosen = index
  }
  return chosen
}
