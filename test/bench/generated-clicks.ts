/** Clicks as visitors make them, by chance: few links get most of them, and so do few browsers. Pure. */
import { createRandom, createZipf } from './zipf.ts'

export interface GeneratedClick {
  readonly code: string
  readonly visitor: Uint8Array | undefined
  readonly country: string
  readonly referrerHost: string
  readonly userAgent: string
  readonly language: string
}

export type DrawClick = () => GeneratedClick

export interface DrawOptions {
  readonly codes: readonly string[]
  /** 'none' leaves out all that is counted beside the link and the time. */
  readonly dimensions: 'all' | 'none'
  readonly seed: number
}

const exponent = 1
const visitorCount = 4_096
const countries = 'US DE IN GB BR FR JP CA ES IT MX NL AU PL ID SE TR KR AR CH AT BE CZ DK FI NO PT ZA'.split(
  ' ',
)
const languages = 'en-US de en-GB pt-BR fr ja es it nl pl sv tr ko id cs da fi nb el he'.split(' ')
const referrers = [
  '',
  'www.google.com',
  'm.facebook.com',
  't.co',
  'news.ycombinator.com',
  'www.linkedin.com',
].concat(Array.from({ length: 44 }, (_, index) => `blog-${index}.example.org`))

const systems = [
  'Windows NT 10.0; Win64; x64',
  'Macintosh; Intel Mac OS X 10_15_7',
  'X11; Linux x86_64',
  'Linux; Android 10; K',
]
const versions = Array.from({ length: 30 }, (_, index) => 110 + index)

/** Some hundred, as a day of a busy site has. */
const userAgents = systems
  .flatMap((system) => [
    ...versions.map(
      (version) =>
        `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`,
    ),
    ...versions.map(
      (version) => `Mozilla/5.0 (${system}; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`,
    ),
  ])
  .concat('Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'curl/8.5.0')

const plainAgent = userAgents[0] as string

export function createDrawClick(options: DrawOptions): DrawClick {
  const random = createRandom(options.seed)
  const chooserOf = <T>(values: readonly T[], weight: number) => {
    const zipf = createZipf(values.length, weight, random)
    return () => values[zipf.draw()] as T
  }
  const code = chooserOf(options.codes, exponent)
  if (options.dimensions === 'none') {
    const rest = { visitor: undefined, country: '', referrerHost: '', userAgent: '', language: '' }
    return () => ({ code: code(), ...rest })
  }
  const visitors = Array.from({ length: visitorCount }, () =>
    Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)),
  )
  const [visitor, country, referrerHost, userAgent, language] = [
    chooserOf(visitors, 0),
    chooserOf(countries, 1),
    chooserOf(referrers, 1),
    chooserOf([plainAgent, ...userAgents], 0.8),
    chooserOf(languages, 1),
  ]
  return () => ({
    code: code(),
    visitor: visitor(),
    country: country(),
    referrerHost: referrerHost(),
    userAgent: userAgent(),
    language: language(),
  })
}
