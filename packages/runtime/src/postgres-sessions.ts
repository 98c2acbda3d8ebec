/** Connections that are lent for longer. They end with the pool that lent them, which by itself would wait for them. */
import type pg from 'pg'

export class LentSessions {
  readonly #lenders = new Map<pg.PoolClient, pg.Pool>()

  /** `giveBack` returns the connection to its pool; one that has ended need not be. */
  async lend(lender: pg.Pool): Promise<{ client: pg.PoolClient; giveBack: () => void }> {
    const client = await lender.connect()
    const forget = () => {
      client.off('end', forget)
      this.#lenders.delete(client)
    }
    this.#lenders.set(client, lender)
    client.once('end', forget)
    // The pool may have been ended while the connection was made.
    if (lender.ending) this.endThoseOf(lender)
    const giveBack = () => {
      forget()
      client.release()
    }
    return { client, giveBack }
  }

  /** The statement under way fails, and so does every later one. */
  endThoseOf(pool: pg.Pool): void {
    for (const [client, lender] of this.#lenders) {
      if (lender === pool) client.end().catch(() => {})
    }
  }
}
