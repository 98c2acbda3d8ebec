/** Runs a program of the checkout to its end, in our terminal; a signal for us is for it too. */
import { spawn } from 'node:child_process'

/** By which a person or a supervisor ends us. */
export const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export async function runChild(
  program: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const { LAUNCHER_FD: _, ...inherited } = env
  const child = spawn(program, args, { cwd, env: inherited, stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  for (const signal of signals) process.on(signal, pass)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    })
  } finally {
    for (const signal of signals) process.off(signal, pass)
  }
}
