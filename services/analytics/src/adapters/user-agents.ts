/** Browsers, systems and devices by bowser's list, robots by isbot's. Both parse slowly, so answers are kept. */
import { userAgentBytesMax } from '@linkfleet/contracts/clicks'
import Bowser from 'bowser'
import { isbot } from 'isbot'
import type { ClassifyUserAgent, UserAgent } from '../domain/traits.ts'

/** About 10 MB at the longest texts. */
const keptMax = 10_000
const nameCharactersMax = 40

export function createUserAgentClassifier(): ClassifyUserAgent {
  // A map keeps the order of insertion, so its first key is the one that was asked for longest ago.
  const kept = new Map<string, UserAgent>()
  return (text) => {
    const userAgent = text.slice(0, userAgentBytesMax)
    const known = kept.get(userAgent)
    if (known !== undefined) {
      kept.delete(userAgent)
      kept.set(userAgent, known)
      return known
    }
    const answer = classify(userAgent)
    const oldest = kept.keys().next()
    if (kept.size >= keptMax && oldest.done === false) kept.delete(oldest.value)
    kept.set(userAgent, answer)
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
