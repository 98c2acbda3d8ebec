import { Empty } from '../parts/states.tsx'
import { useTitle } from './title.ts'

export function NotFoundPage() {
  useTitle('Not found')
  return (
    <Empty title="No page has this address">
      <a class="button" href="/">
        Go to the start
      </a>
    </Empty>
  )
}
