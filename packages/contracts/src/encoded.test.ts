import { describe, expect, it } from 'vitest'
import { encoded } from './encoded.ts'
import { LinkCopy } from './generated/linkfleet/links/v1/link.ts'
import { liveLink } from './testing/live-link.ts'

const linkOf = (targetUrl: string) => liveLink('aB3dE5g', 42, { targetUrl })

describe('a message as bytes', () => {
  it('is what the generated code writes, whatever was written before and is written after it', () => {
    const urls = [
      'https://example.com/',
      `https://example.com/${'ä'.repeat(900)}`,
      'https://example.org/x?y=z',
    ]
    const written = urls.map((url) => encoded(linkOf(url), LinkCopy))
    expect(written.map((bytes) => LinkCopy.decode(bytes))).toEqual(urls.map(linkOf))
    for (const [index, url] of urls.entries()) {
      expect(written[index]).toEqual(Buffer.from(LinkCopy.encode(linkOf(url)).finish()))
    }
  })

  it('begins anew after one that could not be written', () => {
    const broken = { ...linkOf('https://example.com/'), maxClicks: -0.5 }
    expect(() => encoded(broken, LinkCopy)).toThrow()
    expect(LinkCopy.decode(encoded(linkOf('https://example.org/'), LinkCopy))).toEqual(
      linkOf('https://example.org/'),
    )
  })

  it('may be larger than the buffer that is kept', () => {
    const large = linkOf('x'.repeat(200_000))
    expect(LinkCopy.decode(encoded(large, LinkCopy))).toEqual(large)
  })
})
