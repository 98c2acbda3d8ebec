// Ever more, until an objective breaks: the rate at that moment is about what this fleet can carry. Ends by itself.
//   npm run load -- breakpoint --rate 200 --duration 5m

import exec from 'k6/execution'
import { Gauge } from 'k6/metrics'
import { duration, rate, secondsOf } from './shared/fleet.js'
import { objectiveThresholds } from './shared/objectives.js'
import { stagedMix, summaryTrendStats } from './shared/scenarios.js'
import { followLink as follow, makeLinks } from './shared/traffic.js'

export { createLink, missLink, readStats } from './shared/traffic.js'

const timesMax = 20
/** The first part stays at the rate itself: processes that have just started are slower than they will be. */
const warmShare = 0.1
/** Redirects per second; its last value is that at the end. */
const offered = new Gauge('offered_redirects_per_second')

export function followLink(data) {
  const risen = Math.max(0, exec.scenario.progress - warmShare) / (1 - warmShare)
  offered.add(rate * (1 + (timesMax - 1) * risen))
  follow(data)
}

const part = (share) => `${Math.max(1, Math.round(secondsOf(duration) * share))}s`

export const options = {
  summaryTrendStats,
  scenarios: stagedMix([
    { times: 1, duration: part(warmShare) },
    { times: timesMax, duration: part(1 - warmShare) },
  ]),
  thresholds: objectiveThresholds(true),
}

export const setup = makeLinks
