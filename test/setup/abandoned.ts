import { removeAbandonedHomes } from '@linkfleet/testkit/temporary-home'

export default async function setup(): Promise<void> {
  const removed = await removeAbandonedHomes()
  if (removed > 0) console.log(`Ended what earlier test runs had left behind in ${removed} folder(s).`)
}
