/**
 * `node deploy/bundle/src/main.ts [SERVICE FOLDER]`: writes the bundle of a service into a folder; without arguments each into
 * its `dist/bundle`, as an image has it.
 */
import { join } from 'node:path'
import { bundleService } from './bundle-service.ts'
import { bundledServices, isBundled } from './programs.ts'

const checkout = join(import.meta.dirname, '../../..')
const [service, folder] = process.argv.slice(2)
if (service === undefined) {
  for (const one of bundledServices) {
    await bundleService(one, checkout, join(checkout, 'services', one, 'dist', 'bundle'))
  }
} else if (isBundled(service) && folder !== undefined) await bundleService(service, checkout, folder)
else throw new Error(`Name one of ${bundledServices.join(', ')} and a folder, or nothing.`)
