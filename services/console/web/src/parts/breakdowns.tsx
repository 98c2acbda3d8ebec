import type { Named, Stats } from '../api.ts'
import { count, day } from '../format.ts'

/** Names of countries and languages in plain words; what the browser has no word for stays as it is. */
function wordsOf(type: 'region' | 'language'): (name: string) => string {
  const names = new Intl.DisplayNames('en', { type, fallback: 'code' })
  return (name) => {
    try {
      return names.of(name) ?? name
    } catch {
      return name
    }
  }
}

const asItIs = (name: string) => name
const capitalized = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)

/** Where `isUsual`, a list is shown even if nothing in it has a name. */
const breakdowns = [
  { key: 'countries', title: 'Countries', words: wordsOf('region'), isUsual: true },
  { key: 'regions', title: 'Regions', words: asItIs, isUsual: false },
  { key: 'cities', title: 'Cities', words: asItIs, isUsual: false },
  { key: 'referrers', title: 'Referrers', words: asItIs, isUsual: true },
  { key: 'browsers', title: 'Browsers', words: asItIs, isUsual: true },
  { key: 'operatingSystems', title: 'Systems', words: asItIs, isUsual: true },
  { key: 'devices', title: 'Devices', words: capitalized, isUsual: true },
  { key: 'languages', title: 'Languages', words: wordsOf('language'), isUsual: true },
  { key: 'utmCampaigns', title: 'Campaigns', words: asItIs, isUsual: false },
  { key: 'utmSources', title: 'Campaign sources', words: asItIs, isUsual: false },
  { key: 'utmMediums', title: 'Campaign media', words: asItIs, isUsual: false },
  { key: 'utmTerms', title: 'Campaign terms', words: asItIs, isUsual: false },
  { key: 'utmContents', title: 'Campaign contents', words: asItIs, isUsual: false },
] as const satisfies readonly {
  key: keyof Stats
  title: string
  words: (name: string) => string
  isUsual: boolean
}[]

/** Shares of whole days, which may be more than the chart above them shows: so the days are named. */
export function Breakdowns({ stats }: { stats: Stats }) {
  const { days, uniqueVisitors } = stats
  const lists = breakdowns.filter(
    ({ key, isUsual }) => isUsual || stats[key].some(({ name }) => name !== null),
  )
  return (
    <section class="shares" aria-labelledby="shares-title">
      <div>
        <h2 id="shares-title">Who clicked</h2>
        <p class="muted">
          <b data-testid="days-clicks">{count(days.clicks)}</b> {days.clicks === 1 ? 'click' : 'clicks'} by{' '}
          <b data-testid="visitors">{count(uniqueVisitors)}</b>{' '}
          {uniqueVisitors === 1 ? 'visitor' : 'visitors'} and bots, {daysText(days)}
        </p>
      </div>
      {days.clicks > 0 && (
        <div class="breakdowns">
          {lists.map(({ key, title, words }) => (
            <Breakdown
              key={key}
              title={title}
              names={stats[key]}
              words={words}
              note={key === 'countries' ? <Attribution /> : null}
            />
          ))}
        </div>
      )}
    </section>
  )
}

function daysText({ from, to }: Stats['days']): string {
  const first = day(from)
  const last = day(new Date(Date.parse(to) - 1).toISOString())
  return first === last ? `on ${first} (UTC)` : `${first} to ${last} (UTC)`
}

/** The licence of the database asks for this link wherever its countries are shown. */
function Attribution() {
  return (
    <p class="muted small">
      <a href="https://db-ip.com" rel="noreferrer" target="_blank">
        IP Geolocation by DB-IP
      </a>
    </p>
  )
}

const namesShown = 8
/** Analytics names so many; the clicks of all further names are in one sum with those of which no name is known. */
const namesToldMax = 50

/** The first names, and all others together, so that what is shown adds up to the clicks of the days. */
function shownOf(names: readonly Named[], words: (name: string) => string) {
  const named = names.filter(({ name }) => name !== null)
  const first = named.slice(0, namesShown)
  const sum = (some: readonly Named[]) => some.reduce((total, { clicks }) => total + clicks, 0)
  const rows = first.map(({ name, clicks }) => ({ label: words(name ?? ''), clicks, isRest: false }))
  const others = named.slice(namesShown)
  if (others.length > 0) rows.push({ label: `${others.length} others`, clicks: sum(others), isRest: true })
  const rest = sum(names.filter(({ name }) => name === null))
  const restName = named.length < namesToldMax ? 'Not known' : 'Rare, or not known'
  if (rest > 0) rows.push({ label: restName, clicks: rest, isRest: true })
  return rows
}

interface BreakdownProps {
  readonly title: string
  readonly names: readonly Named[]
  readonly words: (name: string) => string
  readonly note: preact.JSX.Element | null
}

function Breakdown({ title, names, words, note }: BreakdownProps) {
  const rows = shownOf(names, words)
  const most = Math.max(1, ...rows.map(({ clicks }) => clicks))
  return (
    <section class="card" aria-label={title}>
      <h3>{title}</h3>
      <ul class="bars">
        {rows.map(({ label, clicks, isRest }) => (
          <li key={label} class={isRest ? 'bars-rest' : undefined}>
            <span class="bars-fill" style={{ width: `${(clicks / most) * 100}%` }} />
            <span class="bars-name" title={label}>
              {label}
            </span>
            <span class="number" data-clicks={clicks}>
              {count(clicks)}
            </span>
          </li>
        ))}
      </ul>
      {note}
    </section>
  )
}
