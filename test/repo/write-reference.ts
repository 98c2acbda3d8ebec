/** `node test/repo/write-reference.ts` brings docs/reference up to date with the code. */
import { writeFileSync } from 'node:fs'
import { readText, root } from './files.ts'
import { references, withGenerated } from './reference.ts'

for (const [path, generated] of Object.entries(await references())) {
  writeFileSync(root + path, withGenerated(readText(path), generated))
}
