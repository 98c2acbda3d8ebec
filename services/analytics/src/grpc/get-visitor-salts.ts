import type { GetVisitorSaltsResponse } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import type { VisitorSaltKeeper } from '../ports.ts'

/** Stats/GetVisitorSalts: for redirect, which tells visitors apart without keeping their addresses. */
export function getVisitorSalts(
  keeper: VisitorSaltKeeper,
  now: () => number,
): () => Promise<GetVisitorSaltsResponse> {
  return async () => ({ salts: await keeper.salts(now()) })
}
