/** A real Chromium for tests, and a page on a public host for links to lead to. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import chromium from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'

/** A public host that does not exist: the browser finds it at a page of ours, the product's own rules are untouched. */
export const targetHost = 'landing.example.com'

// Chromium refuses to run as root with its sandbox; it visits nothing here but our own pages.
const browserFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
]

/** Chromium's package unpacks below TMPDIR: a folder of our own, which no other user or run can reach into. */
async function unpackChromium(folder: string): Promise<string> {
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  try {
    return await chromium.executablePath()
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

export interface OpenBrowser extends AsyncDisposable {
  readonly browser: Browser
}

export async function openBrowser(): Promise<OpenBrowser> {
  await using resources = new AsyncDisposableStack()
  const landing = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<title>Landed</title><h1>You have landed</h1>'),
  )
  await new Promise<void>((resolve) => landing.listen(0, '127.0.0.1', resolve))
  resources.defer(() => void landing.close())
  const unpacked = await mkdtemp(join(tmpdir(), 'linkfleet-chromium-'))
  resources.defer(async () => await rm(unpacked, { recursive: true, force: true }))
  const { port } = landing.address() as { port: number }
  const browser = await playwright.launch({
    executablePath: await unpackChromium(unpacked),
    headless: true,
    args: [...browserFlags, `--host-resolver-rules=MAP ${targetHost}:80 127.0.0.1:${port}`],
  })
  resources.defer(async () => await browser.close())
  const opened = resources.move()
  return { browser, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
