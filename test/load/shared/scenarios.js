// Open models: requests start when they are due, whether or not earlier ones were answered, so a slow fleet shows.

import { duration, rate } from './fleet.js'

/** Of each redirect per second, how many of the others there are. */
const mix = { followLink: 1, createLink: 0.1, missLink: 0.02, readStats: 0.02 }

const arrivalsOf = (share) => Math.max(1, Math.round(rate * share))

/** One virtual user has one request under way, and takes megabytes: past the bound requests are not started, and counted so. */
const virtualUsersMax = 2_000

function virtualUsers(perSecond) {
  const within = (count) => Math.min(virtualUsersMax, count)
  return {
    preAllocatedVUs: within(Math.max(5, Math.ceil(perSecond / 10))),
    maxVUs: within(Math.max(50, perSecond)),
  }
}

/** The whole mix at one rate. */
export function steadyMix() {
  const scenarios = {}
  for (const exec of Object.keys(mix)) {
    const perSecond = arrivalsOf(mix[exec])
    scenarios[exec] = {
      executor: 'constant-arrival-rate',
      exec,
      rate: perSecond,
      timeUnit: '1s',
      duration,
      ...virtualUsers(perSecond),
    }
  }
  return scenarios
}

/** The whole mix through stages of `{ times, duration }`: so many times the rate, reached within the duration. */
export function stagedMix(stages) {
  const timesMax = Math.max(...stages.map(({ times }) => times))
  const scenarios = {}
  for (const exec of Object.keys(mix)) {
    const perSecond = arrivalsOf(mix[exec])
    scenarios[exec] = {
      executor: 'ramping-arrival-rate',
      exec,
      startRate: perSecond,
      timeUnit: '1s',
      stages: stages.map(({ times, duration: within }) => ({
        target: Math.max(1, Math.round(perSecond * times)),
        duration: within,
      })),
      ...virtualUsers(perSecond * timesMax),
    }
  }
  return scenarios
}

/** What every summary shows. */
export const summaryTrendStats = ['avg', 'med', 'p(99)', 'p(99.9)', 'max']
