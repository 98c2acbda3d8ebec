/** `npm run bench` and `npm run load`: programs of their own, under test/. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LocalFleetError } from '../problem.ts'
import { runChild } from './child.ts'

export const bench = (args: string[], checkout: string) => runProgram('bench', args, checkout)
export const load = (args: string[], checkout: string) => runProgram('load', args, checkout)

function runProgram(name: string, args: string[], checkout: string): Promise<number> {
  const main = join(checkout, 'test', name, 'main.ts')
  if (!existsSync(main)) throw new LocalFleetError(`This checkout has no ${main}.`)
  return runChild(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], checkout)
}
