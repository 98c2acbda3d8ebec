/** The provisioned dashboards: the fleet at a glance, each service, the way of a click, and the engines as services see them. */
import type { Slo } from '@linkfleet/slo/objective'
import { clickPipeline } from './click-pipeline.ts'
import { engines } from './engines.ts'
import { overview } from './overview.ts'
import type { Dashboard } from './panel.ts'
import { serviceDashboards } from './services.ts'

export function dashboards(slos: readonly Slo[]): Dashboard[] {
  return [overview(slos), ...serviceDashboards(slos), clickPipeline(), engines()]
}
