/** What a day means to a customer. */
import { creditPercent, type ServiceLevelAgreement } from '../objective.ts'
import type { ServiceDay, Verdict } from './day-report.ts'

/** The service with the lowest share decides; one with too few requests is not judged. */
export function verdictOf(
  agreement: ServiceLevelAgreement,
  services: readonly Pick<ServiceDay, 'service' | 'requests' | 'availability'>[],
  isOver: boolean,
): Verdict {
  const judged = services.filter(
    ({ service, requests }) =>
      agreement.services.includes(service) && requests !== null && requests >= agreement.requestsMin,
  )
  const shares = judged.flatMap(({ availability }) => (availability === null ? [] : [availability]))
  const availability = shares.length === 0 ? null : Math.min(...shares)
  const owed = availability === null ? 0 : creditPercent(agreement, availability)
  const outcome = availability === null ? 'not judged' : owed > 0 ? 'missed' : 'kept'
  return {
    agreement: agreement.name,
    description: agreement.description,
    promised: agreement.promised,
    outcome: isOver ? outcome : 'open',
    availability,
    creditPercent: owed,
  }
}
