/** What every click has, for tests: of whatever a test is about it says itself. */
import { type ClickFields, ClickKind, OrphanReason } from '../clicks.ts'

export const plainClick: Omit<ClickFields, 'sequence'> = {
  atMs: 1,
  domainId: 1,
  code: 'abc1234',
  kind: ClickKind.REDIRECT,
  orphanReason: OrphanReason.UNSPECIFIED,
  visitor: undefined,
  country: '',
  region: '',
  city: '',
  referrerHost: '',
  userAgent: '',
  language: '',
  utm: undefined,
}
