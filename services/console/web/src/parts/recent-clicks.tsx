import type { RecentClick, Stats } from '../api.ts'
import { ago, count, dateTime } from '../format.ts'

const countryNames = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })

const clicksShown = 10

/** What is told of a click: never who it was. */
export function RecentClicks({ clicks }: { clicks: readonly RecentClick[] }) {
  if (clicks.length === 0) return null
  return (
    <section class="card" aria-labelledby="recent-title">
      <h3 id="recent-title">Last clicks</h3>
      <ul class="recent" data-testid="recent-clicks">
        {clicks.slice(0, clicksShown).map((click, index) => (
          // Clicks of one second may be alike in everything that is told of them.
          <li class="recent-click" key={`${click.at} ${index}`}>
            <span class="muted" title={dateTime(click.at)}>
              {ago(click.at)}
            </span>
            <span class="recent-what">{whatOf(click)}</span>
            <span class="muted recent-from">{click.referrer ?? ''}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function whatOf({ bot, browser, operatingSystem, device, country }: RecentClick): string {
  const program = [browser, operatingSystem].filter((part) => part !== null).join(' on ')
  const place = country === null ? '' : placeOf(country)
  const parts = [bot ? 'Bot' : '', program === '' ? (device ?? '') : program, place]
  return parts.filter((part) => part !== '').join(', ') || 'Nothing is known of it'
}

function placeOf(country: string): string {
  try {
    return countryNames.of(country) ?? country
  } catch {
    return country
  }
}

const reasonWords: Readonly<Record<string, string>> = {
  unknown: 'when there was no such link',
  expired: 'after it had ended',
  deleted: 'after it was deleted',
  notStarted: 'before it started',
  blocked: 'while it was blocked',
  usedUp: 'after its last click',
}

/** Visits that were not led anywhere; they are in no other number of the page. */
export function OrphanNote({ stats }: { stats: Stats }) {
  const { orphans, orphansByReason } = stats
  if (orphans === 0) return null
  const reasons = Object.entries(orphansByReason)
    .filter(([, clicks]) => clicks > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, clicks]) => `${count(clicks)} ${reasonWords[reason] ?? 'for another reason'}`)
  return (
    <p class="notice" data-testid="orphans">
      {count(orphans)} more {orphans === 1 ? 'visit' : 'visits'} could not be led on
      {reasons.length > 0 && `: ${reasons.join(', ')}`}. They are not among the clicks.
    </p>
  )
}
