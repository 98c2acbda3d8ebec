// A quick look at a whole fleet by k6 (https://k6.io): links are created, followed and counted, at a small steady rate. An
// open model: requests start when they are due, whether or not earlier ones were answered, so a slow fleet shows.
//
//   npm run load -- smoke --rate 50 --duration 20s
//
// Environment: BASE_URL (redirect), API_URL (shortener), STATS_URL (analytics), API_KEY (none on one machine's own fleet),
// RATE (redirects per second), DURATION.

import { check, fail, sleep } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'

const baseUrl = __ENV.BASE_URL || 'http://localhost:8080'
const apiUrl = __ENV.API_URL || 'http://localhost:8081'
const statsUrl = __ENV.STATS_URL || 'http://localhost:8082'
const rate = Number(__ENV.RATE || 20)
const duration = __ENV.DURATION || '10s'
const linkCount = 20

const authorization = __ENV.API_KEY ? { authorization: `Bearer ${__ENV.API_KEY}` } : {}
const json = {
  headers: Object.assign({ 'content-type': 'application/json' }, authorization),
  tags: { route: 'create' },
}

export const options = {
  discardResponseBodies: false,
  summaryTrendStats: ['avg', 'med', 'p(99)', 'p(99.9)', 'max'],
  scenarios: {
    redirects: arrivals('followLink', rate),
    creates: arrivals('createLink', Math.max(1, Math.round(rate / 10))),
  },
  // The objective's bound of 200 ms; so few requests have no p99.9 that means anything.
  thresholds: {
    checks: ['rate==1'],
    'http_req_duration{route:redirect}': ['p(99)<200'],
    'http_req_duration{route:create}': ['p(99)<200'],
    dropped_iterations: ['count==0'],
  },
}

function arrivals(scenario, perSecond) {
  return {
    executor: 'constant-arrival-rate',
    exec: scenario,
    rate: perSecond,
    timeUnit: '1s',
    duration,
    preAllocatedVUs: Math.max(10, perSecond),
    maxVUs: Math.max(50, perSecond * 4),
  }
}

export function setup() {
  const links = []
  for (let index = 0; index < linkCount; index++) {
    const target = `https://example.com/smoke/${Date.now()}/${index}?a=b`
    const response = http.post(`${apiUrl}/api/v1/links`, JSON.stringify({ url: target }), json)
    if (response.status !== 201) fail(`the fleet answered ${response.status} to a create: ${response.body}`)
    links.push({ code: response.json('code'), target })
  }
  return { links }
}

export function followLink({ links }) {
  const link = links[exec.scenario.iterationInTest % links.length]
  const response = http.get(`${baseUrl}/${link.code}`, {
    redirects: 0,
    tags: { route: 'redirect', name: 'redirect' },
    headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  })
  check(response, {
    'a link is followed to its target': ({ status, headers }) =>
      status === 302 && headers.Location === link.target,
  })
}

export function createLink() {
  const url = `https://example.com/created/${exec.scenario.iterationInTest}`
  const response = http.post(`${apiUrl}/api/v1/links`, JSON.stringify({ url }), json)
  check(response, { 'a link is created': ({ status }) => status === 201 })
}

// Every redirect that was made is in the statistics soon after: not one less, not one more.
export function teardown({ links }) {
  const expected = Math.floor(totalRedirects())
  let counted = 0
  for (let attempt = 0; attempt < 40; attempt++) {
    counted = links.reduce((sum, { code }) => sum + readTotal(code), 0)
    if (counted >= expected) break
    sleep(0.5)
  }
  check(counted, { 'every redirect is counted once': (total) => total >= expected && total <= expected + 2 })
}

// An arrival may be due at the very end; k6 then starts one more or one less than rate times duration.
function totalRedirects() {
  const seconds = Number.parseFloat(duration) * (duration.endsWith('m') ? 60 : 1)
  return rate * seconds - 1
}

function readTotal(code) {
  const response = http.get(`${statsUrl}/api/v1/links/${code}/stats`, {
    headers: authorization,
    tags: { route: 'stats', name: 'stats' },
  })
  return response.status === 200 ? response.json('total') : 0
}
