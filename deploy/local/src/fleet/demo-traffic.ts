/** What the demo's links and visitors are like. Pure; chance is an argument. */

const topics = [
  'launch',
  'pricing',
  'docs',
  'careers',
  'podcast',
  'webinar',
  'recipe',
  'tickets',
  'survey',
  'museum',
]
const channels = ['mail', 'poster', 'social', 'partner', 'app']

export type DemoLink = { url: string; alias: string; title: string; tags: string[] }

/** Fifty links: ten topics, each spread over five channels. */
export function demoLinks(): DemoLink[] {
  return topics.flatMap((topic) =>
    channels.map((channel) => ({
      url: `https://www.example.com/${topic}?utm_source=${channel}`,
      alias: `demo-${topic}-${channel}`,
      title: `${topic[0]?.toUpperCase()}${topic.slice(1)} by ${channel}`,
      tags: ['demo', topic, channel],
    })),
  )
}

const MISTYPED_SHARE = 0.01

/** A few links get most visits: the n-th as many as one n-th of the first (Zipf). */
export function pickLink(codes: string[], random: () => number): string {
  if (random() < MISTYPED_SHARE) return 'demo-mistyped'
  const weights = codes.map((_, index) => 1 / (index + 1))
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [index, code] of codes.entries()) {
    left -= weights[index] ?? 0
    if (left <= 0) return code
  }
  return codes.at(-1) ?? 'demo-mistyped'
}

const visitors = [
  {
    share: 0.3,
    agent:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  },
  {
    share: 0.25,
    agent:
      'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  },
  {
    share: 0.2,
    agent:
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  },
  {
    share: 0.1,
    agent:
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  },
  { share: 0.07, agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0' },
  { share: 0.08, agent: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' },
]
const languages = [
  'en-US,en;q=0.9',
  'de-DE,de;q=0.9,en;q=0.6',
  'fr-FR,fr;q=0.9',
  'ja-JP,ja;q=0.9',
  'pt-BR,pt;q=0.8',
]
const referrers = [
  '',
  '',
  'https://news.ycombinator.com/',
  'https://www.linkedin.com/',
  'https://mastodon.social/',
]

export function pickVisitor(random: () => number): Record<string, string> {
  let left = random()
  const visitor = visitors.find(({ share }) => {
    left -= share
    return left < 0
  })
  const referrer = referrers[Math.floor(random() * referrers.length)] ?? ''
  return {
    'user-agent': (visitor ?? visitors[0])?.agent ?? '',
    'accept-language': languages[Math.floor(random() * languages.length)] ?? 'en',
    ...(referrer ? { referer: referrer } : {}),
  }
}

const QUIET_PER_SECOND = 10
const BUSY_PER_SECOND = 60

/** Two swells over the whole time (`progress` runs from 0 to 1), with a little unrest. */
export function visitsPerSecond(progress: number, random: () => number): number {
  const swell = (1 - Math.cos(progress * 4 * Math.PI)) / 2
  return (QUIET_PER_SECOND + (BUSY_PER_SECOND - QUIET_PER_SECOND) * swell) * (0.8 + 0.4 * random())
}
