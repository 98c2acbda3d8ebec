/**
 * Builds the pages of the folder in its first argument into that of its second, as a process of its own: a bundler
 * takes some hundred MiB, which the service would keep for as long as it lives.
 */
import { build } from 'vite'

const [root = '', outDir = ''] = process.argv.slice(2)

await build({
  configFile: false,
  root,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir,
    emptyOutDir: true,
    // The first versions with light-dark() in style sheets.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined files would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
