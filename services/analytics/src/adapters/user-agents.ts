/** Browsers, systems and devices by bowser's list, robots by isbot's. Both parse slowly, so answers are kept. */
import { userAgentBytesMax } from '@linkfleet/contracts/clicks'
import Bowser from 'bowser'
import { isbot } from 'isbot'
import type { ClassifyUserAgent, UserAgent } from '../domain/traits.ts'

/** Of each of two generations; about 10 MB at the longest texts. */
const keptMax = 5_000
const nameCharactersMax = 40

/** What was asked for lately is in the young generation; when that is full it grows old, and what was old is dropped. */
export function createUserAgentClassifier(): ClassifyUserAgent {
  let young = new Map<string, UserAgent>()
  let old = new Map<string, UserAgent>()
  return (text) => {
    const userAgent = text.length > userAgentBytesMax ? text.slice(0, userAgentBytesMax) : text
    const known = young.get(userAgent)
    if (known !== undefined) return known
    const answer = old.get(userAgent) ?? classify(userAgent)
    if (young.size >= keptMax) {
      old = young
      young = new Map()
    }
    young.set(userAgent, answer)
    return answer
  }
}

function classify(userAgent: string): UserAgent {
  // Every browser names itself; what does not is a program.
  if (userAgent.trim() === '') return { isBot: true, browser: '', operatingSystem: '', device: '' }
  const parsed = Bowser.parse(userAgent)
  return {
    isBot: isbot(userAgent),
    browser: nameOf(parsed.browser.name),
    operatingSystem: nameOf(parsed.os.name),
    device: nameOf(parsed.platform.type),
  }
}

/** Names that the list took from the text itself are the client's to forge: printable ASCII, cut short. */
function nameOf(name: string | undefined): string {
  return (name ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, nameCharactersMax)
}
