import { useState } from 'preact/hooks'
import { api, type Link } from '../api.ts'
import { dateTime, withoutScheme } from '../format.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { CreateForm } from '../parts/create-form.tsx'
import { LinkRows } from '../parts/link-rows.tsx'
import { Contours } from '../parts/mark.tsx'
import { QrCode } from '../parts/qr-code.tsx'
import { mayWrite, useSession } from '../session.ts'
import { useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

export function CreatePage() {
  useTitle('Create')
  const session = useSession()
  const [created, setCreated] = useState<Link | null>(null)
  const latest = useLoad(`latest ${created?.code ?? ''}`, () => api.listLinks({ limit: '5' }))
  return (
    <div class="page create">
      <Contours />
      <h1>Give a long URL a short name</h1>
      <p class="lead">Every short link is yours to change, to end, and to see counted.</p>
      {!mayWrite(session) && (
        <p class="notice">Your role is “reader”: you may look at links, not make them.</p>
      )}
      <CreateForm onCreated={setCreated} publicUrl={session.publicUrl} />
      {created !== null && <Created key={created.code} link={created} />}
      {latest.data !== null && latest.data.links.length > 0 && (
        <section class="latest" aria-labelledby="latest-links">
          <h2 id="latest-links">Latest links</h2>
          <LinkRows links={latest.data.links} />
        </section>
      )}
    </div>
  )
}

function Created({ link }: { link: Link }) {
  return (
    <section class="created card" aria-label="Your short link" aria-live="polite">
      <div class="created-main">
        <p class="eyebrow">Your short link</p>
        <a class="short-url" href={link.shortUrl} target="_blank" rel="noreferrer" data-testid="short-url">
          {withoutScheme(link.shortUrl)}
        </a>
        <p class="target" title={link.url}>
          {link.url}
        </p>
        {typeof link.expiresAt === 'string' && <p class="muted">Ends {dateTime(link.expiresAt)}</p>}
        <div class="button-row">
          <CopyButton text={link.shortUrl} label="the short link" />
          <a class="button" href={`/links/${encodeURIComponent(link.code)}`}>
            Statistics and settings
          </a>
        </div>
      </div>
      <QrCode text={link.shortUrl} fileName={link.code} />
    </section>
  )
}
