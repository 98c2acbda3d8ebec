/** A checkout that has the bundler and, of the services that are bundled, no more than one statement. */
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bundledServices, programsOf } from '../programs.ts'

const bundler = 'deploy/bundle'
const checkout = join(import.meta.dirname, '../../../..')

/** `statement` is all there is of each service's own program; those of its threads are empty. */
export async function writeBrokenCheckout(folder: string, statement: string): Promise<void> {
  for (const service of bundledServices) {
    for (const [name, file] of Object.entries(programsOf[service])) {
      const path = join(folder, 'services', service, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, name === 'main' ? `${statement}\n` : '')
    }
  }
  for (const part of ['package.json', 'src'])
    await cp(join(checkout, bundler, part), join(folder, bundler, part), { recursive: true })
  await symlink(join(checkout, bundler, 'node_modules'), join(folder, bundler, 'node_modules'))
}
