/** Where a set of running engines is. */
export interface EngineSet {
  /** The owner's URL on the primary. */
  readonly databaseUrl: string
  readonly databaseReplicaUrls: readonly string[]
  /** A migrated database on the primary, from which each test's own is copied. */
  readonly templateDatabase: string
  readonly redisUrl: string
  readonly kafkaBrokers: readonly string[]
}

/** Engines that answer, before any schema is in them. */
export type RunningEngines = Omit<EngineSet, 'templateDatabase'> & AsyncDisposable
