import { useState } from 'preact/hooks'
import { useRoute } from 'preact-iso'
import { api, type Link } from '../api.ts'
import { ago, dateTime, withoutScheme } from '../format.ts'
import { Badges } from '../parts/badges.tsx'
import { CopyButton } from '../parts/copy-button.tsx'
import { DeleteLink } from '../parts/delete-link.tsx'
import { EditLink } from '../parts/edit-link.tsx'
import { LinkStats } from '../parts/link-stats.tsx'
import { QrCode } from '../parts/qr-code.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { mayWrite, useSession } from '../session.ts'
import { useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

/** Nothing of one link, neither its numbers nor a failure, is ever under the heading of another. */
export function LinkPage() {
  const code = useRoute().params.code ?? ''
  useTitle(code)
  return <OneLink key={code} code={code} />
}

function OneLink({ code }: { code: string }) {
  const loaded = useLoad(code, () => api.readLink(code))
  const [changed, setChanged] = useState<Link | null>(null)
  const link = changed ?? loaded.data
  if (link === null) {
    return (
      <div class="page">
        {loaded.failure === null ? (
          <Loading label="Loading the link" lines={5} />
        ) : (
          <Failed failure={loaded.failure} retry={loaded.reload} />
        )}
      </div>
    )
  }
  return (
    <div class="page link-page">
      <LinkHead link={link} />
      <LinkStats code={link.code} />
      <LinkSettings
        link={link}
        onChanged={setChanged}
        onReload={() => {
          setChanged(null)
          loaded.reload()
        }}
      />
    </div>
  )
}

function LinkHead({ link }: { link: Link }) {
  return (
    <header class="link-head">
      <div>
        <a class="quiet-link" href="/links">
          ← Links
        </a>
        <h1>{link.title ? link.title : link.code}</h1>
        <p class="link-line">
          <a class="short-url" href={link.shortUrl} target="_blank" rel="noreferrer" data-testid="short-url">
            {withoutScheme(link.shortUrl)}
          </a>
          <CopyButton isSmall text={link.shortUrl} label="the short link" />
          <Badges link={link} />
        </p>
        <p class="target">
          leads to{' '}
          <a href={link.url} target="_blank" rel="noreferrer" title={link.url}>
            {link.url}
          </a>
        </p>
        <p class="muted">
          Made <span title={dateTime(link.createdAt)}>{ago(link.createdAt)}</span>
          {link.updatedAt !== link.createdAt && <> · changed {ago(link.updatedAt)}</>}
          {typeof link.startsAt === 'string' && <> · starts {dateTime(link.startsAt)}</>}
          {typeof link.expiresAt === 'string' && <> · ends {dateTime(link.expiresAt)}</>}
        </p>
        {link.tags !== undefined && link.tags.length > 0 && (
          <p class="tags">
            {link.tags.map((tag) => (
              <a key={tag} class="tag" href={`/links?tag=${encodeURIComponent(tag)}`}>
                {tag}
              </a>
            ))}
          </p>
        )}
      </div>
      <QrCode text={link.shortUrl} fileName={link.code} />
    </header>
  )
}

function LinkSettings(props: { link: Link; onChanged: (link: Link) => void; onReload: () => void }) {
  const session = useSession()
  if (!mayWrite(session)) return null
  return (
    <section class="card" aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <EditLink key={String(props.link.version)} {...props} />
      <DeleteLink link={props.link} />
    </section>
  )
}
