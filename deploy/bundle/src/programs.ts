/** Which services run from a bundle, and the programs each has: its own, and that of each of its threads. */
export const programsOf = {
  redirect: { main: 'src/main.ts', 'kafka-worker': 'src/adapters/kafka-thread/kafka-worker.ts' },
} as const

export type BundledService = keyof typeof programsOf

export const bundledServices = Object.keys(programsOf) as BundledService[]

/** Of a checkout: where an image has it. */
export const bundleFolderOf = (service: BundledService): string => `services/${service}/dist/bundle`

export const isBundled = (service: string): service is BundledService => Object.hasOwn(programsOf, service)
