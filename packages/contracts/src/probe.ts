/**
 * How a prober follows the fleet's own known link through the public port. The link is in a domain of its own, so no list of
 * links shows it, no alias can take its code and nobody's click is ever one on it.
 */
export const probePath = '/.well-known/linkfleet-probe'
export const probeLink = { domainId: 0, code: 'probe' } as const
