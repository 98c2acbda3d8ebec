// A quick look at a whole fleet: every kind of request at a small rate, and nothing may go wrong.
//   npm run load -- smoke

import { objectiveThresholds } from './shared/objectives.js'
import { steadyMix, summaryTrendStats } from './shared/scenarios.js'
import { makeLinks } from './shared/traffic.js'

export { createLink, followLink, missLink, readStats } from './shared/traffic.js'

export const options = {
  summaryTrendStats,
  scenarios: steadyMix(),
  // So few requests allow no bad one; the bound of the objectives stands for all of them.
  thresholds: { ...objectiveThresholds(), checks: ['rate==1'], dropped_iterations: ['count==0'] },
}

export const setup = makeLinks
