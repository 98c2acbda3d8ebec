// The launcher behind every `npm run` word. It starts on whatever Node 20 or later the machine has, so it is plain
// JavaScript without dependencies: it makes node_modules what the lockfile says and hands over to the project's own
// Node 24, which runs the TypeScript sources as they are.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { help } from './help.mjs'
import { installDependencies, root } from './install.mjs'

const commands = ['start', 'status', 'stop', 'demo', 'test', 'check', 'bench', 'load', 'slo', 'analytics']
const [command, ...args] = process.argv.slice(2)

if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`linkfleet needs Node 20 or later to start; this is ${process.version}.`)
} else if (command === undefined || ['help', '--help', '-h'].includes(command)) {
  console.log(help())
} else if (!commands.includes(command)) {
  fail(`There is no command "${command}". Known: ${commands.join(', ')}.`)
} else if (args.includes('--help') || args.includes('-h')) {
  console.log(help(command))
} else if (process.platform === 'win32') {
  fail('linkfleet runs on Windows in WSL2: open a Linux shell there and start again.')
} else {
  await installThenRun()
}

async function installThenRun() {
  try {
    await installDependencies()
  } catch (error) {
    return fail(error.message)
  }
  const node = join(root, 'deploy/local/node_modules/node/bin/node')
  if (!existsSync(node))
    return fail(`The package manager left no Node 24 at ${node}: remove node_modules and start again.`)
  handOver(node)
}

/**
 * Waits for the real program and ends as it did. Ctrl-C reaches the whole process group, so both get it; what
 * reaches only us is passed on. The pipe on descriptor 3 tells the program when we are gone without a word.
 */
function handOver(node) {
  const main = join(root, 'deploy/local/src/main.ts')
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, command, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, LAUNCHER_FD: '3' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.stdio[3].on('error', () => {})
  child.once('error', (error) => fail(error.message))
  child.once('exit', (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1)
    process.exit()
  })
}

function fail(sentence) {
  console.error(`linkfleet: ${sentence}`)
  process.exitCode = 1
}
