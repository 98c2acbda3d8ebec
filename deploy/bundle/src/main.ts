/**
 * `node deploy/bundle/src/main.ts [SERVICE FOLDER]`: writes the bundle of a service into a folder; without arguments each into
 * its `dist/bundle`, as an image has it. Says on stderr what does not go into one, and ends with status 1. With arguments it ends
 * as soon as its stdin does.
 */
import { join } from 'node:path'
import { bundleService } from './bundle-service.ts'
import { bundledServices, bundleFolderOf, isBundled } from './programs.ts'

const checkout = join(import.meta.dirname, '../../..')

async function main(service: string | undefined, folder: string | undefined): Promise<void> {
  if (service === undefined) {
    for (const one of bundledServices) {
      await bundleService(one, checkout, join(checkout, bundleFolderOf(one)))
    }
    return
  }
  if (!isBundled(service) || folder === undefined) {
    throw new Error(`Name one of ${bundledServices.join(', ')} and a folder, or nothing.`)
  }
  // Who started it holds the other end, and may end at any moment.
  process.stdin.once('end', () => giveUp('stdin has ended')).resume()
  await bundleService(service, checkout, folder)
}

function giveUp(reason: string): void {
  process.stderr.write(`${reason}\n`)
  process.exit(1)
}

try {
  await main(process.argv[2], process.argv[3])
  process.exit(0)
} catch (error) {
  giveUp((error as Error).message)
}
