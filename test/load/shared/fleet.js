// Where the fleet is, and what a scenario was told about its load. Everything comes from the environment, so that the same
// scenarios run against any host by k6 alone:
//
//   k6 run -e BASE_URL=https://go.example -e API_URL=https://api.example -e API_KEY=… test/load/steady.js

export const baseUrl = __ENV.BASE_URL || 'http://localhost:8080'
export const apiUrl = __ENV.API_URL || 'http://localhost:8081'
export const statsUrl = __ENV.STATS_URL || 'http://localhost:8082'

/** Redirects per second. */
export const rate = Number(__ENV.RATE || 20)
export const duration = __ENV.DURATION || '10s'
/** Links that are created before the load and then followed. */
export const linkCount = Number(__ENV.LINKS || 1000)
/** A name for the links of this run, by which their clicks are found again. */
export const runTag = __ENV.RUN_TAG || `load-${Date.now()}`

export const authorization = __ENV.API_KEY ? { authorization: `Bearer ${__ENV.API_KEY}` } : {}

export function secondsOf(text) {
  return Number.parseFloat(text) * (text.endsWith('m') ? 60 : text.endsWith('h') ? 3600 : 1)
}
