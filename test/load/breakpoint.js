// Ever more, until an objective breaks: the rate at that moment is what this fleet can carry. Ends by itself.
//   npm run load -- breakpoint --rate 200 --duration 5m

import { duration } from './shared/fleet.js'
import { objectiveThresholds } from './shared/objectives.js'
import { stagedMix, summaryTrendStats } from './shared/scenarios.js'
import { makeLinks } from './shared/traffic.js'

export { createLink, followLink, missLink, readStats } from './shared/traffic.js'

const timesMax = 20

export const options = {
  summaryTrendStats,
  scenarios: stagedMix([{ times: timesMax, duration }]),
  thresholds: objectiveThresholds(true),
}

export const setup = makeLinks
