// A day's rhythm in an hour, again and again: what leaks, fills up or drifts shows only with time.
//   npm run load -- soak --rate 200 --duration 4h

import { duration, secondsOf } from './shared/fleet.js'
import { objectiveThresholds } from './shared/objectives.js'
import { stagedMix, summaryTrendStats } from './shared/scenarios.js'
import { makeLinks } from './shared/traffic.js'

export { createLink, followLink, missLink, readStats } from './shared/traffic.js'

const waves = Math.max(1, Math.round(secondsOf(duration) / 3600))
const quarter = `${Math.max(1, Math.round(secondsOf(duration) / waves / 4))}s`
const day = [
  { times: 1, duration: quarter },
  { times: 1.5, duration: quarter },
  { times: 1, duration: quarter },
  { times: 0.3, duration: quarter },
]

export const options = {
  summaryTrendStats,
  scenarios: stagedMix(Array.from({ length: waves }, () => day).flat()),
  thresholds: { ...objectiveThresholds(), checks: ['rate>=0.999'] },
}

export const setup = makeLinks
