// What people do: they follow links (a few links are loved, most are not: Zipf's law), some codes are mistyped, now and then
// a link is created or its statistics are read.

import { check, fail } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'
import { apiUrl, authorization, baseUrl, linkCount, runTag, statsUrl } from './fleet.js'
import { tally, tallyFollowed, tallyLeftOut } from './objectives.js'

const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const bulkItemsMax = 1000

const json = (name) => ({
  headers: Object.assign({ 'content-type': 'application/json' }, authorization),
  tags: { name },
})

/** Targets are known beforehand, so that each redirect can be checked. */
const targetOf = (tag, index) => `https://example.com/${tag}/${index}?a=b`

const answerOf = ({ status, body, error }) =>
  status === 0 ? `no answer (${error})` : `it answered ${status}${body ? `: ${body}` : ''}`

/** Creates the links that are followed, in bulk, and follows one; ends the run when the fleet refuses. */
export function makeLinks() {
  const codes = createLinks()
  const response = followOne(codes, 0)
  if (response.status !== 302)
    fail(
      `a link just created at ${apiUrl} (API_URL) cannot be followed at ${baseUrl} (BASE_URL): ${answerOf(response)}. Are both of one fleet?`,
    )
  // Each virtual user has modules of its own: what is to be the same for all of them comes from here.
  return { codes, tag: runTag }
}

function createLinks() {
  const codes = []
  for (let from = 0; from < linkCount; from += bulkItemsMax) {
    const links = []
    for (let index = from; index < Math.min(linkCount, from + bulkItemsMax); index++)
      links.push({ url: targetOf(runTag, index), tags: [runTag] })
    const response = tallyLeftOut('shortener', () =>
      http.post(`${apiUrl}/api/v1/links/bulk`, JSON.stringify({ links }), json('bulk')),
    )
    if (response.status !== 200) fail(`links cannot be created at ${apiUrl} (API_URL): ${answerOf(response)}`)
    for (const result of response.json('results')) {
      if (result.status !== 201) fail(`a link was not created: ${JSON.stringify(result)}`)
      codes.push(result.link.code)
    }
  }
  return codes
}

/** A rank from 0 by Zipf's law with exponent 1, by inverting its continuous form: close enough, and quick. */
export function zipfRank(count) {
  return Math.min(count - 1, Math.floor(Math.exp(Math.random() * Math.log(count + 1))) - 1)
}

function followOne(codes, index) {
  const response = tally('redirect', () =>
    http.get(`${baseUrl}/${codes[index]}`, {
      redirects: 0,
      tags: { name: 'redirect' },
      headers: { 'user-agent': browser },
      responseType: 'none',
    }),
  )
  if (response.status === 302) tallyFollowed()
  return response
}

export function followLink({ codes, tag }) {
  const index = zipfRank(codes.length)
  check(followOne(codes, index), {
    'a link is followed to its target': ({ status, headers }) =>
      status === 302 && headers.Location === targetOf(tag, index),
  })
}

export function createLink({ tag }) {
  const url = `https://example.com/${tag}/created/${exec.scenario.iterationInTest}`
  const response = tally('shortener', () =>
    http.post(`${apiUrl}/api/v1/links`, JSON.stringify({ url }), json('create')),
  )
  check(response, { 'a link is created': ({ status }) => status === 201 })
}

/** A code that nobody has: the first letter is one that generated codes share with all others, the rest is chance. */
export function missLink() {
  let code = ''
  for (let index = 0; index < 12; index++)
    code += '0123456789abcdefghijklmnopqrstuvwxyz'[Math.floor(Math.random() * 36)]
  const response = tally('redirect', () =>
    http.get(`${baseUrl}/${code}`, {
      redirects: 0,
      tags: { name: 'miss' },
      responseType: 'none',
      responseCallback: http.expectedStatuses(404),
    }),
  )
  check(response, { 'an unknown code answers 404': ({ status }) => status === 404 })
}

export function readStats({ codes }) {
  const code = codes[zipfRank(codes.length)]
  const response = tally('analytics', () =>
    http.get(`${statsUrl}/api/v1/links/${code}/stats`, {
      headers: authorization,
      tags: { name: 'stats' },
      responseType: 'none',
    }),
  )
  check(response, { 'statistics are read': ({ status }) => status === 200 })
}
