// Ever more, until an objective breaks: the rate at that moment is about what this fleet can carry. Ends by itself.
//   npm run load -- breakpoint --rate 200 --duration 5m

import exec from 'k6/execution'
import { Gauge } from 'k6/metrics'
import { duration, rate } from './shared/fleet.js'
import { objectiveThresholds } from './shared/objectives.js'
import { stagedMix, summaryTrendStats } from './shared/scenarios.js'
import { followLink as follow, makeLinks } from './shared/traffic.js'

export { createLink, missLink, readStats } from './shared/traffic.js'

const timesMax = 20
/** Redirects per second; its last value is that at the end. */
const offered = new Gauge('offered_redirects_per_second')

export function followLink(data) {
  offered.add(rate * (1 + (timesMax - 1) * exec.scenario.progress))
  follow(data)
}

export const options = {
  summaryTrendStats,
  scenarios: stagedMix([{ times: timesMax, duration }]),
  thresholds: objectiveThresholds(true),
}

export const setup = makeLinks
