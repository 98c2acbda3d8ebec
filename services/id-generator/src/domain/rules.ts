/** The numbers of the protocol. The fleet has one set of them; tests of the protocol use small ones. */
export interface ProtocolRules {
  /** How far a shard's counter may run ahead of the smallest value on any promotable standby. */
  readonly aheadMax: number
  /**
   * So many values are reserved on a lease before it is given back and the shard with the lowest counter is leased: shards
   * advance together, so no length is left before it is used up, and a rotation of the key burns little.
   */
  readonly turnValues: number
  readonly blockValuesMin: number
  readonly blockValuesMax: number
  readonly blockValuesAtStart: number
  /** A block that is used up faster than this is followed by larger ones … */
  readonly growWithinMs: number
  /** … and one that lasts longer than this by smaller ones. */
  readonly shrinkAfterMs: number
  /** A standby that was found silent for so long is no longer counted as promotable. */
  readonly standbyGraceMs: number
  /** Between two looks that are further apart a silent standby may have been there: its silence counts from the second. */
  readonly standbyGapMs: number
}

/** aheadMax is also what the ledger adds to a shard at a new place: both must be one number, or a promotion repeats codes. */
export const AHEAD_MAX = 2 ** 20

export const fleetRules: ProtocolRules = {
  aheadMax: AHEAD_MAX,
  turnValues: 2 ** 20,
  blockValuesMin: 2 ** 10,
  blockValuesMax: 2 ** 18,
  blockValuesAtStart: 2 ** 12,
  growWithinMs: 60_000,
  shrinkAfterMs: 600_000,
  standbyGraceMs: 10_000,
  standbyGapMs: 2_000,
}
