// One rate for as long as is asked: what a fleet of a known size should carry every minute of the day.
//   npm run load -- steady --rate 2000 --duration 10m

import { objectiveThresholds } from './shared/objectives.js'
import { steadyMix, summaryTrendStats } from './shared/scenarios.js'
import { makeLinks } from './shared/traffic.js'

export { createLink, followLink, missLink, readStats } from './shared/traffic.js'

export const options = {
  summaryTrendStats,
  scenarios: steadyMix(),
  thresholds: { ...objectiveThresholds(), checks: ['rate>=0.999'] },
}

export const setup = makeLinks
