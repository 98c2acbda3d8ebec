/** `npm run check`: all steps, also after one failed, so that one run shows everything. */
import { join } from 'node:path'
import { LocalFleetError } from '../problem.ts'
import { checkSteps } from './check-steps.ts'
import { runChild } from './child.ts'

export async function check(args: string[], checkout: string): Promise<number> {
  const names = checkSteps.map(({ name }) => name)
  if (args.includes('--list')) {
    console.log(names.join('\n'))
    return 0
  }
  const unknown = args.find((arg) => !names.includes(arg))
  if (unknown) throw new LocalFleetError(`There is no check "${unknown}". Known: ${names.join(', ')}.`)
  const failed: string[] = []
  for (const step of checkSteps) {
    if (args.length > 0 && !args.includes(step.name)) continue
    console.log(`▸ ${step.name}`)
    const program = step.program === 'node' ? process.execPath : step.program
    if ((await runChild(program, step.args, join(checkout, step.cwd ?? '.'))) !== 0) failed.push(step.name)
  }
  console.log(failed.length === 0 ? 'Everything is in order.' : `Not in order: ${failed.join(', ')}.`)
  return failed.length === 0 ? 0 : 1
}
