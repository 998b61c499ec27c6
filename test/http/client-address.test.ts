import { describe, expect, test } from 'vitest'
import { networks } from '../../src/app/settings/setting-kinds.ts'
import { isInNetworks } from '../../src/egress/networks.ts'
import { clientAddress } from '../../src/http/request/client-address.ts'

const isProxy = isInNetworks(networks('127.0.0.1, 10.20.0.0/16, ::1'))
const addressOf = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
  clientAddress(
    {
      socket: { remoteAddress },
      headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded as string }) },
    },
    isProxy,
  )

describe('the address of a client', () => {
  test.each([
    ['without a proxy', '192.0.2.7', undefined, '192.0.2.7'],
    ['that names another one itself', '192.0.2.7', '198.51.100.1', '192.0.2.7'],
    ['of a proxy', '127.0.0.1', '192.0.2.7', '192.0.2.7'],
    ['of a proxy whose address is mapped to IPv6', '::ffff:127.0.0.1', '192.0.2.7', '192.0.2.7'],
    ['of a proxy, that names another one itself', '127.0.0.1', '198.51.100.1, 192.0.2.7', '192.0.2.7'],
    ['of several proxies', '127.0.0.1', '198.51.100.1, 192.0.2.7, 10.20.3.4', '192.0.2.7'],
    ['of IPv6', '::1', '2001:db8::1', '2001:db8::1'],
    ['with a port', '::1', '[2001:db8::1]:443', '2001:db8::1'],
    ['with a port of IPv4', '::1', '192.0.2.7:443', '192.0.2.7'],
    ['on the machine of the proxy', '127.0.0.1', '10.20.0.9', '10.20.0.9'],
    ['of a proxy that names none', '127.0.0.1', undefined, '127.0.0.1'],
    ['of a proxy that names no address', '127.0.0.1', '192.0.2.7, unknown', '127.0.0.1'],
    ['that has disconnected', undefined, '192.0.2.7', null],
  ])('%s', (_what, remote, forwarded, expected) => {
    expect(addressOf(remote, forwarded)).toBe(expected)
  })
})

describe('the address of a client in the header of RFC 7239', () => {
  test.each([
    [
      'is the last one of none of the proxies',
      'for=198.51.100.1, For="192.0.2.7:443";proto=https,for=10.20.3.4',
      undefined,
      '192.0.2.7',
    ],
    ['of IPv6', 'by=10.20.3.4;for="[2001:db8::1]:443"', undefined, '2001:db8::1'],
    ['is hidden', 'for=192.0.2.7, for=_hidden', undefined, '127.0.0.1'],
    ['is the same in both headers', 'for=192.0.2.7', '192.0.2.7', '192.0.2.7'],
    [
      'differs from the other header, which the client may have written',
      'for=192.0.2.7',
      '192.0.2.8',
      '127.0.0.1',
    ],
  ])('%s', (_what, forwarded, forwardedFor, expected) => {
    const headers = { forwarded, ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }) }
    expect(clientAddress({ socket: { remoteAddress: '127.0.0.1' }, headers }, isProxy)).toBe(expected)
  })
})

test.each(['localhost', '10.20.0.0/33', '10.20.0.0/', 'x'])('%s is no address of a proxy', (text) => {
  expect(() => networks(text)).toThrow('addresses or networks like 10.20.0.7 or 10.20.0.0/16')
})
