// One installation at a time. A folder is made by exactly one; the process that made it is named inside by its id, the
// boot and the moment it started (an id is used again), so that a killed one is not waited for.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const waitForOtherMs = 600_000
// Naming oneself takes an instant; who has not done it by then was killed before.
const unnamedMs = 10_000

export async function onlyOneAtATime(lockFolder, work, explain = (error) => error) {
  mkdirSync(dirname(lockFolder), { recursive: true })
  const deadline = Date.now() + waitForOtherMs
  for (let told = false; !tryLock(lockFolder, explain); ) {
    if (Date.now() > deadline)
      throw new Error(`Another start is still installing; if none is, remove ${lockFolder}.`)
    if (!told) console.log('linkfleet: waiting for another start that is installing…')
    told = true
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  try {
    return await work()
  } finally {
    rmSync(lockFolder, { recursive: true, force: true })
  }
}

function tryLock(lockFolder, explain) {
  try {
    mkdirSync(lockFolder)
  } catch (error) {
    if (error.code !== 'EEXIST') throw explain(error)
    if (isStale(lockFolder)) discard(lockFolder)
    return false
  }
  try {
    writeFileSync(join(lockFolder, 'holder'), JSON.stringify(identify(process.pid)))
  } catch (error) {
    rmSync(lockFolder, { recursive: true, force: true })
    throw explain(error)
  }
  return true
}

function discard(lockFolder) {
  const aside = `${lockFolder}-${process.pid}`
  try {
    renameSync(lockFolder, aside)
    // Between the look and the rename another may have made it anew: then it is that one's again.
    if (isStale(aside)) rmSync(aside, { recursive: true, force: true })
    else renameSync(aside, lockFolder)
  } catch {
    // Another one that waits was faster.
  }
}

function isStale(folder) {
  try {
    const holder = JSON.parse(readFileSync(join(folder, 'holder'), 'utf8'))
    const now = identify(holder.pid)
    return now.startedAt === '' || now.startedAt !== holder.startedAt || now.boot !== holder.boot
  } catch {
    const made = statSync(folder, { throwIfNoEntry: false })
    return made !== undefined && Date.now() - made.mtimeMs > unnamedMs
  }
}

function identify(pid) {
  return { pid, startedAt: startedAt(pid), boot: read('/proc/sys/kernel/random/boot_id') }
}

function startedAt(pid) {
  // The program's name may hold spaces and brackets; the fields after its closing bracket may not.
  const stat = read(`/proc/${pid}/stat`)
  if (stat !== '') return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  if (existsSync('/proc/self/stat')) return ''
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return ''
  }
}
