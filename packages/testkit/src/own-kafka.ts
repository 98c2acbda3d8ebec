/** Kafka brokers for one test alone, which may kill or freeze them and start them again. */
import { rm } from 'node:fs/promises'
import { startEngines } from '@linkfleet/local/engines'
import { temporaryHome } from './temporary-home.ts'

export interface OwnKafka extends AsyncDisposable {
  readonly brokers: readonly string[]
  /** kill -9: its partitions get other leaders. */
  kill(broker: number): Promise<void>
  /** Resolves when it is in the cluster again. */
  startAgain(broker: number): Promise<void>
  /** SIGSTOP: it holds its connections and answers nothing, until the disposal of what this gives. */
  freeze(broker: number): Disposable
}

export async function startOwnKafka({ brokers = 3 }: { brokers?: 1 | 3 } = {}): Promise<OwnKafka> {
  await using resources = new AsyncDisposableStack()
  const home = await temporaryHome('own-kafka')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(
    await startEngines({ home, ports: 'free', which: ['kafka'], brokers, env: {} }),
  )
  const processes = [...engines.processes]
  resources.defer(async () => {
    await Promise.all(processes.map(({ process }) => process.stop()))
  })
  const brokerAt = (broker: number) => {
    const engine = processes[broker]
    if (engine === undefined) throw new RangeError(`there is no broker ${broker}`)
    return engine
  }
  const started = resources.move()
  return {
    brokers: engines.kafkaBrokers,
    async kill(broker) {
      const engine = brokerAt(broker)
      process.kill(engine.pid, 'SIGKILL')
      await engine.process.exited
    },
    async startAgain(broker) {
      processes[broker] = await brokerAt(broker).startAgain()
    },
    freeze(broker) {
      const { pid } = brokerAt(broker)
      process.kill(pid, 'SIGSTOP')
      return { [Symbol.dispose]: () => void process.kill(pid, 'SIGCONT') }
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
