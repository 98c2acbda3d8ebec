/**
 * A browser on a system without a locale may name its language "en-US@posix", which Intl refuses, and the charts ask
 * for it while they load. Then the pages are in plain English, as their words are anyway.
 */
try {
  new Intl.NumberFormat(navigator.language)
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true })
}
