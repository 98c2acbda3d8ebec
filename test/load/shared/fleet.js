// Where the fleet is, and what a scenario was told about its load. Everything comes from the environment, so that the same
// scenarios run against any host by k6 alone:
//
//   k6 run -e BASE_URL=https://go.example -e API_URL=https://api.example -e API_KEY=… test/load/steady.js

const urlOf = (name, port) => (__ENV[name] || `http://localhost:${port}`).replace(/\/+$/, '')

export const baseUrl = urlOf('BASE_URL', 8080)
export const apiUrl = urlOf('API_URL', 8081)
export const statsUrl = urlOf('STATS_URL', 8082)

function numberOf(name, usual) {
  const value = Number(__ENV[name] || usual)
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} is a whole number, not "${__ENV[name]}".`)
  return value
}

/** Redirects per second. */
export const rate = numberOf('RATE', 20)
export const duration = __ENV.DURATION || '10s'
if (!/^[1-9]\d{0,4}[smh]$/.test(duration))
  throw new Error(`DURATION is a time such as 30s, 2m or 1h, not "${duration}".`)
/** Links that are created before the load and then followed. */
export const linkCount = numberOf('LINKS', 1000)
/** A name for the links of this run, by which their clicks are found again. */
export const runTag = __ENV.RUN_TAG || `load-${Date.now()}`

export const authorization = __ENV.API_KEY ? { authorization: `Bearer ${__ENV.API_KEY}` } : {}

export function secondsOf(text) {
  return Number.parseFloat(text) * (text.endsWith('m') ? 60 : text.endsWith('h') ? 3600 : 1)
}
