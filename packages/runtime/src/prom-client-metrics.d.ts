/** Each file adds metrics of the process to a registry; prom-client has no types for them. */
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client'

  const collect: (registry: Registry) => void
  export default collect
}
