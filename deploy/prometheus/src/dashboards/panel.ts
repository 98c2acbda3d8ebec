/** Grafana's JSON model (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/). */

const datasource = { type: 'prometheus', uid: 'linkfleet-prometheus' } as const

export interface Query {
  readonly expr: string
  /** `{{service}}` stands for a label's value. */
  readonly legend: string
}

export interface PanelOptions {
  readonly title: string
  readonly description?: string
  readonly queries: readonly Query[]
  readonly unit?: string
  /** Of the 24 columns. */
  readonly width?: number
  /** A line that values should stay below, in the panel's unit. */
  readonly limit?: number
}

export interface Panel extends PanelOptions {
  readonly kind: 'stat' | 'timeseries' | 'row'
  readonly steps?: readonly { readonly color: string; readonly value: number | null }[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly panels: readonly object[]
}

export const query = (expr: string, legend = ''): Query => ({ expr, legend })

export const chart = (title: string, unit: string, queries: readonly Query[], more?: Partial<PanelOptions>) =>
  ({ kind: 'timeseries', title, unit, queries, ...more }) satisfies Panel

export const row = (title: string): Panel => ({ kind: 'row', title, queries: [] })

/** One number, red below the first step. */
export const budget = (
  title: string,
  description: string,
  queries: readonly Query[],
  width: number,
): Panel => ({
  kind: 'stat',
  title,
  description,
  unit: 'percentunit',
  queries,
  width,
  steps: [
    { color: 'red', value: null },
    { color: 'orange', value: 0.1 },
    { color: 'green', value: 0.5 },
  ],
})

const heights = { row: 1, stat: 5, timeseries: 7 } as const

export function dashboard(name: string, title: string, panels: readonly Panel[]): Dashboard {
  return {
    uid: `linkfleet-${name}`,
    title: `linkfleet: ${title}`,
    tags: ['linkfleet'],
    timezone: 'utc',
    schemaVersion: 39,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [] },
    links: [{ type: 'dashboards', tags: ['linkfleet'], title: 'linkfleet', asDropdown: true }],
    panels: placed(panels),
  } as Dashboard
}

/** From left to right, and below where a panel does not fit any more. */
function placed(panels: readonly Panel[]): object[] {
  let x = 0
  let y = 0
  let lineHeight = 0
  return panels.map((panel, index) => {
    const width = panel.kind === 'row' ? 24 : (panel.width ?? 8)
    const height = heights[panel.kind]
    if (x + width > 24) {
      x = 0
      y += lineHeight
      lineHeight = 0
    }
    const gridPos = { x, y, w: width, h: height }
    x += width
    lineHeight = Math.max(lineHeight, height)
    return panelModel(panel, index + 1, gridPos)
  })
}

function panelModel(panel: Panel, id: number, gridPos: object): object {
  if (panel.kind === 'row')
    return { id, type: 'row', title: panel.title, collapsed: false, gridPos, panels: [] }
  const limit =
    panel.limit === undefined
      ? {}
      : {
          thresholds: {
            mode: 'absolute',
            steps: [
              { color: 'transparent', value: null },
              { color: 'red', value: panel.limit },
            ],
          },
        }
  const custom = {
    fillOpacity: 8,
    lineWidth: 2,
    showPoints: 'never',
    ...(panel.limit === undefined ? {} : { thresholdsStyle: { mode: 'dashed' } }),
  }
  const defaults =
    panel.kind === 'stat'
      ? { unit: panel.unit, thresholds: { mode: 'absolute', steps: panel.steps } }
      : { unit: panel.unit, custom, ...limit }
  return {
    id,
    title: panel.title,
    description: panel.description ?? '',
    type: panel.kind,
    datasource,
    gridPos,
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat: legend,
    })),
    fieldConfig: { defaults, overrides: [] },
  }
}
