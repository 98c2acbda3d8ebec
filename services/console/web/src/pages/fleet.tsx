import { api, type FleetView } from '../api.ts'
import { absent, ago, bytes, clock, count, dateTime, milliseconds, share } from '../format.ts'
import { Empty, Failed, Loading, Stale } from '../parts/states.tsx'
import { useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

const refreshMs = 5_000

type Instance = FleetView['instances'][number]

export function FleetPage() {
  useTitle('Fleet')
  const loaded = useLoad('fleet', api.readFleet, refreshMs)
  const fleet = loaded.data
  return (
    <div class="page">
      <h1>Fleet</h1>
      {fleet === null ? (
        loaded.failure === null ? (
          <Loading label="Asking the fleet" lines={7} />
        ) : (
          <Failed failure={loaded.failure} retry={loaded.reload} />
        )
      ) : fleet.instances.length === 0 ? (
        <Empty title="No instances are known">
          <p>
            The console learns of them from <code>FLEET_ADMIN_URLS</code>.
          </p>
        </Empty>
      ) : (
        <>
          <Summary fleet={fleet} />
          <Stale failure={loaded.failure} />
          <div class="instances">
            {fleet.instances.map((instance) => (
              <InstanceCard key={instance.adminUrl} instance={instance} />
            ))}
          </div>
          <p class="muted small">As of {clock(fleet.asOf)}.</p>
        </>
      )}
    </div>
  )
}

function Summary({ fleet }: { fleet: FleetView }) {
  const ready = fleet.instances.filter(({ status }) => status === 'ready').length
  const all = fleet.instances.length
  return (
    <p class="lead" role="status" data-testid="fleet-summary">
      {ready === all ? `All ${all} instances are ready.` : `${ready} of ${all} instances are ready.`}
    </p>
  )
}

const statusWords: Readonly<Record<Instance['status'], string>> = {
  ready: 'ready',
  starting: 'starting',
  draining: 'draining',
  silent: 'no answer',
}

/** Some dependencies are several in one; one that nobody has needed yet is no trouble. */
function kindOf(state: string): 'up' | 'down' | 'idle' | 'other' {
  if (/^up(, up)*$/.test(state)) return 'up'
  if (state.startsWith('not ')) return 'idle'
  return state === 'down' ? 'down' : 'other'
}

function figureText({ unit, value }: Instance['figures'][number]): string {
  if (unit === 'flag') return value > 0 ? 'yes' : 'no'
  if (unit === 'share') return share(value)
  if (unit === 'bytes') return bytes(value)
  return unit === 'seconds' ? milliseconds(value * 1000) : count(value)
}

function InstanceCard({ instance }: { instance: Instance }) {
  return (
    <article class="card instance" data-testid={`instance-${instance.service}`}>
      <div class="card-head">
        <h2>{instance.service}</h2>
        <span class={`status status-${instance.status}`}>{statusWords[instance.status]}</span>
      </div>
      <p class="instance-address">{new URL(instance.adminUrl).host}</p>
      {instance.status !== 'silent' && (
        <dl class="service-figures">
          <div>
            <dt>Started</dt>
            <dd title={instance.startedAt === null ? undefined : dateTime(instance.startedAt)}>
              {instance.startedAt === null ? '–' : ago(instance.startedAt)}
            </dd>
          </div>
          <div>
            <dt>Requests</dt>
            <dd>{count(instance.requests)}</dd>
          </div>
          <div>
            <dt>Memory</dt>
            <dd>{bytes(instance.memoryBytes)}</dd>
          </div>
          <div>
            <dt>Loop lag p99</dt>
            <dd>{milliseconds(instance.eventLoopLagP99Ms)}</dd>
          </div>
          <div>
            <dt>Version</dt>
            <dd>{instance.version ?? absent}</dd>
          </div>
          {instance.figures.map((figure) => (
            <div key={figure.name}>
              <dt>{figure.name}</dt>
              <dd>{figureText(figure)}</dd>
            </div>
          ))}
        </dl>
      )}
      {instance.dependencies.length > 0 && (
        <ul class="dependencies" aria-label="Dependencies">
          {instance.dependencies.map(({ name, state }) => (
            <li key={name} class={`dependency dependency-${kindOf(state)}`}>
              <span>{name}</span> <b>{state}</b>
            </li>
          ))}
        </ul>
      )}
    </article>
  )
}
