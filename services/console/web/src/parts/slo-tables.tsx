import type { SloView } from '../api.ts'
import { absent, budget, count, milliseconds, rate, share } from '../format.ts'
import { Gauge, moodOf } from './slo-budget.tsx'

export function ServiceTable({ slo }: { slo: SloView }) {
  if (slo.services.length === 0) {
    return (
      <p class="notice">
        {slo.source === 'prometheus'
          ? 'Prometheus has counted no requests of this day yet.'
          : 'No service answers with its own counters either.'}
      </p>
    )
  }
  return (
    <div class="services">
      {slo.services.map(({ service, requests, instances, latencyMs }) => (
        <section
          key={service}
          class={`card service mood-${moodOf(requests.budgetLeft)}`}
          aria-label={service}
        >
          <div class="card-head">
            <h2>{service}</h2>
            <span class="number service-budget">{budget(requests.budgetLeft)} left</span>
          </div>
          <Gauge left={requests.budgetLeft} />
          <dl class="service-figures">
            <Figure
              name={slo.source === 'prometheus' ? 'Requests today' : 'Since the start'}
              value={count(requests.total)}
              testId={`slo-requests-${service}`}
            />
            <Figure name="Good" value={count(requests.good)} />
            <Figure name="Bad" value={count(requests.bad)} isBad={requests.bad > 0} />
            <Figure name="In time and well" value={share(requests.availability)} />
            <Figure name="p50" value={milliseconds(latencyMs.p50)} />
            <Figure
              name="p99"
              value={milliseconds(latencyMs.p99)}
              isBad={(latencyMs.p99 ?? 0) > slo.thresholdMs}
            />
            <Figure
              name="p99.9"
              value={milliseconds(latencyMs.p999)}
              isBad={(latencyMs.p999 ?? 0) > slo.thresholdMs}
            />
            <BurnRate slo={slo} service={service} />
          </dl>
          <ul class="service-instances" aria-label={`Requests of ${service} by instance`}>
            {instances.map(({ name, requests: own }) => (
              <li key={name}>
                <span>{name}</span>
                <span class="number">{count(own.good)} good</span>
                <span class={own.bad > 0 ? 'number is-bad' : 'number'}>{count(own.bad)} bad</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  )
}

function Figure(props: { name: string; value: string; isBad?: boolean; testId?: string }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd class={props.isBad ? 'is-bad' : ''} data-testid={props.testId}>
        {props.value}
      </dd>
    </div>
  )
}

/** The hour says whether something is wrong now without jumping at a single bad request. */
const shownWindow = '1h'

function BurnRate({ slo, service }: { slo: SloView; service: string }) {
  const objective = slo.objectives.find((candidate) => candidate.service === service)
  const burn = objective?.burnRates.find(({ window }) => window === shownWindow)?.rate ?? null
  return (
    <Figure
      name="Burn rate, 1 h"
      value={burn === null ? absent : `${rate(burn)} ×`}
      isBad={(burn ?? 0) > 1}
    />
  )
}

/** Objectives roll; what is said of today ends at midnight (UTC), so the two differ. */
function lastOf(name: string): string {
  return name.endsWith('-30d') ? '30 d' : '24 h'
}

export function ObjectiveTable({ objectives }: { objectives: SloView['objectives'] }) {
  if (objectives.length === 0) return null
  return (
    <section class="objectives-section" aria-labelledby="objectives-title">
      <div class="section-head">
        <h2 id="objectives-title">Burn rates</h2>
      </div>
      <p class="muted">
        1 × spends exactly the budget by the end of the window; above it, the promise breaks sooner.
      </p>
      <ul class="card objectives">
        {objectives.map((objective) => (
          <li key={objective.id} class={`objective mood-${moodOf(objective.budgetLeft)}`}>
            <h3>
              {objective.service} <span class="muted">{objective.name.replaceAll('-', ' ')}</span>
            </h3>
            <ul class="burns" aria-label={`Burn rates of ${objective.id} by window`}>
              {objective.burnRates.map(({ window, rate: burn }) => (
                <li key={window} class={burn !== null && burn > 1 ? 'burn burn-high' : 'burn'}>
                  <span>{window}</span>
                  <b class="number">{burn === null ? absent : `${rate(burn)} ×`}</b>
                </li>
              ))}
            </ul>
            <span class="objective-budget">
              <b class="number">{budget(objective.budgetLeft)} left</b>
              <span>of the last {lastOf(objective.name)}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
