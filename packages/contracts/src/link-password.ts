/**
 * Passwords of links: shortener makes a verifier of one, redirect checks what a visitor typed against it. A verifier is
 * a text in the PHC string format (https://github.com/P-H-C/phc-string-format), so that cost and algorithm may change
 * while older verifiers stay good: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, salt and hash in unpadded base64.
 *
 * scrypt (RFC 7914) with 32 MiB, on libuv's threads: a check costs some 80 ms of one of them. Accounts would deserve more;
 * this is a word that many people were told, and redirect limits attempts. Few run at once and few wait, so that neither
 * memory nor the threads' other work suffers.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { LinkfleetError } from './errors.ts'

/** In characters: a password manager's longest, and no more to hash than a line of text. */
export const passwordLengthMax = 128

const cost = { ln: 15, r: 8, p: 1 } as const
const saltBytes = 16
const hashBytes = 32
const runningMax = 2
const waitingMax = 64

// Bounds on what a verifier may ask of the one who checks it, wherever it came from.
const lnMax = 17
const memoryBytesMax = 192 * 1024 * 1024
const verifierPattern =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{22,86})$/

let running = 0
const waiting: (() => void)[] = []

/** Throws 'unavailable' when too many passwords wait already: whoever asks may come back. */
export async function makePasswordVerifier(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await derive(password, salt, hashBytes, cost)
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`
}

/** False also for a verifier that cannot be read. Throws 'unavailable' when too many passwords wait already. */
export async function isPasswordOf(verifier: string, password: string): Promise<boolean> {
  if (password.length > passwordLengthMax) return false
  const [, ln, r, p, salt = '', hash = ''] = verifierPattern.exec(verifier) ?? []
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) }
  if (!(parameters.ln >= 1 && parameters.ln <= lnMax && parameters.r >= 1 && parameters.p >= 1)) return false
  const expected = Buffer.from(hash, 'base64')
  const actual = await derive(password, Buffer.from(salt, 'base64'), expected.length, parameters)
  return timingSafeEqual(actual, expected)
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')

async function derive(
  password: string,
  salt: Buffer,
  length: number,
  { ln, r, p }: { readonly ln: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const options = { N: 2 ** ln, r, p, maxmem: memoryBytesMax }
  await takeTurn()
  try {
    // The same text typed on another system may be composed otherwise.
    return await runScrypt(password.normalize('NFC'), salt, length, options)
  } finally {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}

async function takeTurn(): Promise<void> {
  if (running < runningMax) {
    running++
    return
  }
  if (waiting.length >= waitingMax) {
    throw new LinkfleetError('unavailable', 'Too many passwords are being checked right now.', {
      retryAfterSeconds: 1,
    })
  }
  await new Promise<void>((resolve) => waiting.push(resolve))
}

function runScrypt(password: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, hash) => (error === null ? resolve(hash) : reject(error)))
  })
}
