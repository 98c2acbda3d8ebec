import type { Link } from '../api.ts'
import { ago, compact, dateTime, withoutScheme } from '../format.ts'
import { Badges } from './badges.tsx'
import { CopyButton } from './copy-button.tsx'

/** Links as rows of a table; on a narrow screen each row is a block of its own. */
export function LinkRows({ links, onTag }: { links: readonly Link[]; onTag?: (tag: string) => void }) {
  return (
    <table class="rows" data-testid="link-rows">
      <thead>
        <tr>
          <th scope="col">Link</th>
          <th scope="col" class="number">
            Clicks
          </th>
          <th scope="col">Made</th>
          <th scope="col">
            <span class="visually-hidden">Copy</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {links.map((link) => (
          <LinkRow key={`${link.domain ?? ''}/${link.code}`} link={link} onTag={onTag} />
        ))}
      </tbody>
    </table>
  )
}

function LinkRow({ link, onTag }: { link: Link; onTag: ((tag: string) => void) | undefined }) {
  const clicks = typeof link.clicks === 'number' ? link.clicks : null
  return (
    <tr>
      <td class="rows-link">
        <div>
          <a class="rows-code" href={`/links/${encodeURIComponent(link.code)}`}>
            {link.code}
          </a>
          <Badges link={link} />
          {link.title ? <span class="rows-title">{link.title}</span> : null}
          <span class="rows-target" title={link.url}>
            {withoutScheme(link.url)}
          </span>
          {link.tags !== undefined && link.tags.length > 0 && (
            <span class="tags">
              {link.tags.map((tag) =>
                onTag === undefined ? (
                  <span key={tag} class="tag">
                    {tag}
                  </span>
                ) : (
                  <button
                    key={tag}
                    type="button"
                    class="tag"
                    aria-label={`Show only links with the tag ${tag}`}
                    onClick={() => onTag(tag)}
                  >
                    {tag}
                  </button>
                ),
              )}
            </span>
          )}
        </div>
      </td>
      <td
        class="number"
        data-label={clicks === 1 ? 'click' : 'clicks'}
        title={clicks === null ? 'Not known right now' : undefined}
      >
        {compact(clicks)}
      </td>
      <td class="rows-made" title={dateTime(link.createdAt)}>
        {ago(link.createdAt)}
      </td>
      <td class="rows-copy">
        <CopyButton isSmall text={link.shortUrl} label={`the short link ${link.code}`} />
      </td>
    </tr>
  )
}
