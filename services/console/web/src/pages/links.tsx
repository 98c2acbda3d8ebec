import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { type ApiFailure, api, type Link } from '../api.ts'
import { SearchIcon } from '../parts/icons.tsx'
import { LinkRows } from '../parts/link-rows.tsx'
import { Empty, Failed, Loading } from '../parts/states.tsx'
import { toFailure, useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

const pageSize = '25'
const typingPauseMs = 250

function addressOf(search: string, tag: string): string {
  const entries = Object.entries({ search, tag }).filter(([, value]) => value !== '')
  return entries.length === 0 ? '/links' : `/links?${new URLSearchParams(entries)}`
}

export function LinksPage() {
  useTitle('Links')
  const { query, route } = useLocation()
  const search = query.search ?? ''
  const tag = query.tag ?? ''
  const [typed, setTyped] = useState(search)

  // The address holds what is searched, so that it can be kept, shared and gone back to.
  useEffect(() => {
    if (typed === search) return
    const timer = setTimeout(() => route(addressOf(typed, tag), true), typingPauseMs)
    return () => clearTimeout(timer)
  }, [typed, search, tag, route])

  return (
    <div class="page">
      <h1>Links</h1>
      <div class="toolbar">
        <label class="visually-hidden" for="search">
          Search links
        </label>
        <div class="input input-search">
          <SearchIcon />
          <input
            id="search"
            type="search"
            value={typed}
            placeholder="Search code, title or target"
            autoComplete="off"
            spellcheck={false}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        {tag !== '' && (
          <button
            type="button"
            class="tag tag-chosen"
            aria-label={`Stop showing only the tag ${tag}`}
            onClick={() => route(addressOf(typed, ''))}
          >
            {tag} <span aria-hidden="true">×</span>
          </button>
        )}
      </div>
      <LinkList
        key={`${search}\n${tag}`}
        search={search}
        tag={tag}
        onTag={(chosen) => route(addressOf(typed, chosen))}
      />
    </div>
  )
}

function LinkList({ search, tag, onTag }: { search: string; tag: string; onTag: (tag: string) => void }) {
  const first = useLoad('first', () => api.listLinks({ limit: pageSize, search, tag }))
  const [later, setLater] = useState<{ links: readonly Link[]; nextCursor: string | null } | null>(null)
  const [isLoadingMore, setIsLoadingMore] = useState(false)
  const [failure, setFailure] = useState<ApiFailure | null>(null)
  if (first.data === null) {
    return first.failure === null ? (
      <Loading label="Loading the links" lines={8} />
    ) : (
      <Failed failure={first.failure} retry={first.reload} />
    )
  }
  const links = [...first.data.links, ...(later?.links ?? [])]
  const nextCursor = later === null ? first.data.nextCursor : later.nextCursor
  if (links.length === 0 && nextCursor === null) return <NoLinks isFiltered={search !== '' || tag !== ''} />

  async function loadMore() {
    if (nextCursor === null) return
    setIsLoadingMore(true)
    try {
      const page = await api.listLinks({ limit: pageSize, search, tag, cursor: nextCursor })
      setLater({ links: [...(later?.links ?? []), ...page.links], nextCursor: page.nextCursor })
      setFailure(null)
    } catch (error) {
      setFailure(toFailure(error))
    } finally {
      setIsLoadingMore(false)
    }
  }

  return (
    <>
      {/* A page of a search may be empty although older links match. */}
      {links.length === 0 ? (
        <Empty title="None of the newest links match" />
      ) : (
        <LinkRows links={links} onTag={onTag} />
      )}
      {failure !== null && <Failed failure={failure} />}
      {nextCursor !== null && (
        <button type="button" class="button load-more" disabled={isLoadingMore} onClick={loadMore}>
          {isLoadingMore ? 'Loading…' : links.length === 0 ? 'Look among older links' : 'Load more'}
        </button>
      )}
    </>
  )
}

function NoLinks({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No link matches">
      <a class="button" href="/links">
        Show all links
      </a>
    </Empty>
  ) : (
    <Empty title="No links yet">
      <p>The first one takes a paste and a key press.</p>
      <a class="button button-main" href="/">
        Create a link
      </a>
    </Empty>
  )
}
