/** The hardest end of a fleet on one machine; the others are in lifecycle.faults.test.ts. */
import { expect, test } from 'vitest'
import { LocalFleet } from './local-fleet.ts'

test('kill -9 of everything at once is followed by a clean start with all data', async () => {
  await using fleet = await LocalFleet.open()
  await fleet.startDetached()
  await fleet.expectAllDataAndAddALink()
  await fleet.expectAllDataAndAddALink()
  const pids = [await fleet.supervisorPid(), ...(await fleet.pids())]
  expect(pids.length).toBeGreaterThan(10)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await fleet.startDetached()
  await fleet.expectAllDataAndAddALink()
})
