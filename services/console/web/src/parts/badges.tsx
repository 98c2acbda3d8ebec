import type { Link } from '../api.ts'
import { count, dateTime } from '../format.ts'

interface Badge {
  readonly text: string
  readonly title: string
  readonly isWarning?: boolean
}

/** What about a link is not as usual. */
function badgesOf(link: Link, nowMs: number): Badge[] {
  const { startsAt, expiresAt, maxClicks, hasPassword, redirectStatus = 302, forwardQuery } = link
  const badges: Badge[] = []
  if (typeof expiresAt === 'string') {
    const isOver = Date.parse(expiresAt) <= nowMs
    const title = `Ends ${dateTime(expiresAt)}`
    badges.push(
      isOver
        ? { text: 'ended', title: `Ended ${dateTime(expiresAt)}`, isWarning: true }
        : { text: 'ends', title },
    )
  }
  if (typeof startsAt === 'string' && Date.parse(startsAt) > nowMs) {
    badges.push({ text: 'not started', title: `Starts ${dateTime(startsAt)}`, isWarning: true })
  }
  if (typeof maxClicks === 'number') {
    const text = `at most ${count(maxClicks)} ${maxClicks === 1 ? 'click' : 'clicks'}`
    badges.push({ text, title: 'After them the link answers “gone”' })
  }
  if (hasPassword === true) badges.push({ text: 'password', title: 'Visitors are asked for a password' })
  if (redirectStatus !== 302)
    badges.push({ text: String(redirectStatus), title: 'The status of its redirect' })
  if (forwardQuery === true) badges.push({ text: 'hands on query', title: 'The query of a visit is added' })
  return badges
}

export function Badges({ link, nowMs = Date.now() }: { link: Link; nowMs?: number }) {
  return badgesOf(link, nowMs).map(({ text, title, isWarning }) => (
    <span key={text} class={`badge ${isWarning === true ? 'badge-warn' : 'badge-quiet'}`} title={title}>
      {text}
    </span>
  ))
}
