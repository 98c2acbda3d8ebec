// What is judged, and by what: the objectives of deploy/slo.

import { Counter, Rate } from 'k6/metrics'
import { promised } from '../generated/promised.js'

const services = ['redirect', 'shortener', 'analytics']
const requests = {}
const answered = {}
const good = {}
for (const service of services) {
  requests[service] = new Counter(`requests_${service}`)
  answered[service] = new Counter(`answered_${service}`)
  good[service] = new Rate(`good_${service}`)
}
const followed = new Counter('links_followed')

/**
 * Makes one request, of a route that the objectives leave out, such as bulk creates. It counts before it leaves: a run that
 * ends early cuts off what is under way, and the fleet may have counted that.
 */
export function tallyLeftOut(service, request) {
  requests[service].add(1)
  const response = request()
  if (response.status > 0) answered[service].add(1)
  return response
}

/** Makes one request and judges it as the objectives do: not 5xx, in time. One without a status never reached a service, or was cut off. */
export function tally(service, request) {
  const response = tallyLeftOut(service, request)
  const { thresholdMs = 200 } = promised[service] || {}
  good[service].add(response.status > 0 && response.status < 500 && response.timings.duration <= thresholdMs)
  return response
}

export function tallyFollowed() {
  followed.add(1)
}

/** What was served was served in time, whatever was turned away. */
export function servedInTime() {
  const longest = Math.max(...Object.keys(promised).map((service) => promised[service].thresholdMs))
  return { 'http_req_duration{expected_response:true}': [`p(99)<=${longest}`] }
}

/** For each objective, the share of good requests. `abort` ends the run once one is missed for good. */
export function objectiveThresholds(abort) {
  const thresholds = {}
  for (const service of Object.keys(promised)) {
    const threshold = `rate>=${promised[service].target}`
    thresholds[`good_${service}`] = abort
      ? [{ threshold, abortOnFail: true, delayAbortEval: '10s' }]
      : [threshold]
  }
  return thresholds
}
