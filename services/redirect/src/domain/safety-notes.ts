/** What somebody who looks before they follow should know of a target. */

/** The parser has brought every spelling of an IPv4 address into this one, and IPv6 into brackets. */
const addressPattern = /^(?:\d+\.\d+\.\d+\.\d+|\[.*\])$/

export function safetyNotes(targetUrl: string): string[] {
  const url = URL.parse(targetUrl)
  if (url === null) return ['The address cannot be read.']
  const host = url.hostname
  const notes: string[] = []
  if (url.protocol !== 'https:')
    notes.push('The connection to this address is not encrypted: others on the way can read and change it.')
  if (addressPattern.test(host))
    notes.push('The address is a number, not a name: it does not say whose it is.')
  if (host.split('.').some((label) => label.startsWith('xn--')))
    notes.push('The name holds letters that may look like others. Compare it with the one you expect.')
  if (url.port !== '') notes.push(`The address uses the unusual port ${url.port}.`)
  return notes
}
