import { isIP } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientNetworkOf, createClientAddress } from './client-address.ts'

const behindProxies = createClientAddress(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])

test.each([
  [
    'nobody is trusted: the header is not looked at',
    createClientAddress([]),
    '10.0.0.1',
    '203.0.113.5',
    '10.0.0.1',
  ],
  ['no header: the peer', behindProxies, '10.0.0.1', undefined, '10.0.0.1'],
  [
    'a peer that is no proxy is the client, whatever it says',
    behindProxies,
    '203.0.113.9',
    '8.8.8.8',
    '203.0.113.9',
  ],
  ['one proxy: whom it names', behindProxies, '10.0.0.1', '203.0.113.5', '203.0.113.5'],
  [
    'a client that forges the header stays itself',
    behindProxies,
    '10.0.0.1',
    '8.8.8.8, 203.0.113.5',
    '203.0.113.5',
  ],
  ['two proxies', behindProxies, '10.0.0.1', '203.0.113.5,192.0.2.7', '203.0.113.5'],
  ['all are proxies: the first of them', behindProxies, '10.0.0.1', '10.9.9.9, 10.1.1.1', '10.9.9.9'],
  ['what is no address ends the list', behindProxies, '10.0.0.1', '8.8.8.8, unknown, 10.1.1.1', '10.1.1.1'],
  ['an empty header', behindProxies, '10.0.0.1', '', '10.0.0.1'],
  ['a port', behindProxies, '10.0.0.1', '203.0.113.5:4711', '203.0.113.5'],
  ['IPv6 in brackets with a port', behindProxies, 'fd00::1', '[2001:db8::1]:443', '2001:db8::1'],
  ['IPv6', behindProxies, 'fd00::1', '2001:db8::1', '2001:db8::1'],
  ['IPv4-mapped peer and hop', behindProxies, '::ffff:10.0.0.1', '::ffff:203.0.113.5', '203.0.113.5'],
  ['a peer that is gone', behindProxies, undefined, '203.0.113.5', ''],
  ['a list longer than any chain of proxies', behindProxies, '10.0.0.1', '8.8.8.8,'.repeat(30), '10.0.0.1'],
] as const)('%s', (_name, clientAddress, peer, forwardedFor, client) => {
  expect(clientAddress(peer, forwardedFor)).toBe(client)
})

test.each([
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0/8',
  'proxy.example.com',
  'fd00::/129',
  '10.0.0.0/8/8',
  '1.2.3.4/',
])('the trusted proxy "%s" is refused by its name', (text) =>
  expect(() => createClientAddress(['10.0.0.1', text])).toThrow(`"${text}" is neither`),
)

test('hops that a client made up, however many, do not hide it', () => {
  const made = Array.from({ length: 30 }, (_, index) => `198.51.100.${index}`)
  expect(behindProxies('10.0.0.1', [...made, '203.0.113.7'].join(', '))).toBe('203.0.113.7')
  expect(behindProxies('10.0.0.1', `${','.repeat(1_000)}203.0.113.7`)).toBe('203.0.113.7')
})

test('whatever a header holds, the client is an address: the peer, or one the header names', () => {
  const part = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constant('10.0.0.1'))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 25 }), (parts) => {
      const client = behindProxies('10.0.0.1', parts.join(','))
      expect(isIP(client)).not.toBe(0)
    }),
  )
})

test.each([
  ['203.0.113.5', '203.0.113.5'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
  ['2001:DB8:0:7::', '2001:db8:0:7::/64'],
  ['', ''],
])('limits count %s as %s', (address, network) => expect(clientNetworkOf(address)).toBe(network))

test('all spellings of the addresses of one /64 are one client', () => {
  const group = fc.integer({ min: 0, max: 0xffff })
  fc.assert(
    fc.property(fc.tuple(group, group, group, group), fc.ipV6(), ([a, b, c, d], other) => {
      const network = `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}`
      expect(clientNetworkOf(`${network}::`)).toBe(clientNetworkOf(`${network}:1:2:3:4`))
      expect(clientNetworkOf(other)).toMatch(/^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}::\/64$/)
    }),
  )
})
