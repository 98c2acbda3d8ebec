// Somebody famous shares a link: five times the rate within a second, and then all is as before. The excess may be turned
// away, so no threshold stands over the whole; afterwards the fleet must be well again.
//   npm run load -- spike --rate 500 --duration 60s

import { duration, secondsOf } from './shared/fleet.js'
import { servedInTime } from './shared/objectives.js'
import { stagedMix, summaryTrendStats } from './shared/scenarios.js'
import { makeLinks } from './shared/traffic.js'

export { createLink, followLink, missLink, readStats } from './shared/traffic.js'

const third = `${Math.max(1, Math.round(secondsOf(duration) / 3))}s`

export const options = {
  summaryTrendStats,
  scenarios: stagedMix([
    { times: 1, duration: third },
    { times: 5, duration: '1s' },
    { times: 5, duration: third },
    { times: 1, duration: '1s' },
    { times: 1, duration: third },
  ]),
  // What was served while it lasted was served well and in time; what was turned away is counted as bad, and shown.
  thresholds: servedInTime(),
}

export const setup = makeLinks
