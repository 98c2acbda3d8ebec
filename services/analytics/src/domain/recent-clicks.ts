/** The last clicks of a link, without anything that names a person: seconds, country and kind of browser only. */
import type { Click } from '@linkfleet/contracts/clicks'
import { countryOf, hostOf, type UserAgent } from './traits.ts'

/** Of one link. */
export const recentClicksMax = 20

export interface RecentClick {
  readonly atMs: number
  readonly isBot: boolean
  /** Empty when not known, as are the others. */
  readonly country: string
  readonly browser: string
  readonly operatingSystem: string
  readonly device: string
  readonly referrer: string
}

/** Collects the clicks of one link in one batch. */
export class RecentClicks {
  readonly #last: { readonly click: Click; readonly agent: UserAgent }[] = []
  #next = 0

  /** Clicks come nearly in the order of their time, so the last ones to come are the newest. */
  add(click: Click, agent: UserAgent): void {
    this.#last[this.#next] = { click, agent }
    this.#next = (this.#next + 1) % recentClicksMax
  }

  build(): { readonly newestMs: number; readonly clicks: readonly string[] } {
    const newest = this.#last.sort((a, b) => b.click.atMs - a.click.atMs)
    return {
      newestMs: newest[0]?.click.atMs ?? 0,
      clicks: newest.map(({ click, agent }) =>
        JSON.stringify([
          Math.floor(click.atMs / 1000),
          agent.isBot ? 1 : 0,
          countryOf(click.country),
          agent.browser,
          agent.operatingSystem,
          agent.device,
          hostOf(click.referrerHost),
        ]),
      ),
    }
  }
}

/** Reads what `RecentClicks` wrote. */
export function readRecentClicks(texts: readonly string[]): RecentClick[] {
  return texts.map((text) => {
    const [seconds, bot, country, browser, operatingSystem, device, referrer] = JSON.parse(text) as [
      number,
      number,
      string,
      string,
      string,
      string,
      string,
    ]
    return { atMs: seconds * 1000, isBot: bot === 1, country, browser, operatingSystem, device, referrer }
  })
}
