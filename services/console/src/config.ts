import {
  type ConfigOf,
  commonOptions,
  defineConfig,
  httpUrl,
  integer,
  list,
  port,
  text,
  urlList,
} from '@linkfleet/runtime/config'
import { shedTurnOption } from '@linkfleet/runtime/load-shedding'

export const consoleConfig = defineConfig({
  ...commonOptions,
  httpHost: text('HTTP_HOST', {
    description: 'The address that the pages listen on.',
    default: '127.0.0.1',
  }),
  shedTurnMsMax: shedTurnOption(150),
  httpPort: port('HTTP_PORT', { description: 'The port of the pages; 0 picks a free one.' }),
  shortenerUrls: urlList('SHORTENER_URLS', {
    description: 'HTTP addresses of the shortener; when one does not answer, the next one is asked.',
  }),
  analyticsUrls: urlList('ANALYTICS_URLS', {
    description: 'HTTP addresses of analytics; when one does not answer, the next one is asked.',
  }),
  prometheusUrl: httpUrl('PROMETHEUS_URL', {
    description:
      "Where Prometheus answers. Without it the SLO page says so and shows the services' own metrics.",
    default: '',
  }),
  fleetAdminUrls: list('FLEET_ADMIN_URLS', {
    description:
      'Every instance as service=adminUrl (redirect=http://127.0.0.1:9180): for the fleet page and when Prometheus is away.',
    default: [],
  }),
  probeUrls: urlList('PROBE_URLS', {
    description:
      'Bases of redirect as visitors reach it; once a second a known link is followed through each. None: nothing is probed.',
    default: [],
  }),
  publicUrl: httpUrl('PUBLIC_URL', {
    description: 'The base of short URLs, shown where an alias is chosen.',
    default: 'http://127.0.0.1:8080',
  }),
  consoleUrl: httpUrl('CONSOLE_URL', {
    description:
      'Where people open the console, when a proxy stands before it: an origin that may change things; https makes the session cookie Secure.',
    default: '',
  }),
  upstreamTimeoutMs: integer('UPSTREAM_TIMEOUT_MS', {
    description: 'How long one instance of another service may take before the next one is asked.',
    default: 2_500,
    minimum: 100,
    maximum: 30_000,
  }),
})

export type ConsoleConfig = ConfigOf<typeof consoleConfig>
