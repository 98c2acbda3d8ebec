/** What the feed tells, on its way to the thread of the redirects. The next batch is read only when the last was heeded. */
import type { FeedEvent, FeedNews } from './messages.ts'

export class FeedOutbox {
  readonly #post: (news: FeedNews) => void
  #events: FeedEvent[] = []
  #sent = 0
  #heeded = 0
  #waiting: PromiseWithResolvers<void> | undefined

  constructor(post: (news: FeedNews) => void) {
    this.#post = post
  }

  add(event: FeedEvent): void {
    this.#events.push(event)
  }

  send(): void {
    if (this.#events.length === 0) return
    this.#sent += 1
    this.#post({ kind: 'feed', number: this.#sent, events: this.#events })
    this.#events = []
  }

  /** The redirects heeded all that was sent up to this message. */
  heeded(number: number): void {
    this.#heeded = number
    if (number < this.#sent) return
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  /** Sends what was added, and resolves when the redirects heeded everything. */
  async heededAll(): Promise<void> {
    this.send()
    if (this.#heeded === this.#sent) return
    this.#waiting ??= Promise.withResolvers()
    await this.#waiting.promise
  }
}
