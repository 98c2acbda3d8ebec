/** The steps of a relay, named, for tests that stop it at each of them. */

/** All that a relay does to the world, in the order in which it first does it. */
export const relaySteps = [
  'lead',
  'stamp',
  'beat',
  'prune',
  'backlog',
  'read the outbox',
  'read the links',
  'read a mark',
  'start a generation',
  'move a mark',
  'write to Redis',
  'publish to Kafka',
  'delete what both have',
  'note what Redis has',
  'delete what Kafka has last',
  'note what Kafka has',
  'delete what Redis has last',
] as const

const stepsOfStatements: Readonly<Record<string, (typeof relaySteps)[number]>> = {
  stamp: 'stamp',
  'backlog-redis_done': 'backlog',
  'backlog-kafka_done': 'backlog',
  'outbox-snapshot': 'read the outbox',
  'outbox-copies': 'read the links',
  'settle-both': 'delete what both have',
  'settle-redis': 'note what Redis has',
  'settle-kafka-last': 'delete what Kafka has last',
  'settle-kafka': 'note what Kafka has',
  'settle-redis-last': 'delete what Redis has last',
}

/** The step that a statement of the relay's session is. */
export function stepOfStatement(query: string | { readonly name?: string; readonly text: string }): string {
  const { name = '', text } = typeof query === 'string' ? { text: query } : query
  if (/advisory_lock|INSERT INTO links\.relay/.test(text)) return 'lead'
  if (text.includes('UPDATE links.heartbeat')) return 'beat'
  if (text.includes('DELETE') && !text.includes('links.outbox')) return 'prune'
  return (
    stepsOfStatements[name] ?? (/^SET |pg_terminate_backend/.test(text.trim()) ? 'lead' : `unknown: ${text}`)
  )
}
