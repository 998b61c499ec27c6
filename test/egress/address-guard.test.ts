import { describe, expect, test } from 'vitest'
import { createAddressGuard } from '../../src/egress/address-guard.ts'

const FORBIDDEN = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.9',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'localhost',
  '',
]

describe('an address guard', () => {
  const allows = createAddressGuard({ loopback: false })

  test.each(FORBIDDEN)('refuses %s', (address) => {
    expect(allows(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.0.1.1',
    '2606:4700:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('allows %s', (address) => {
    expect(allows(address)).toBe(true)
  })

  test('allows loopback in every notation, and nothing else, for a server on loopback', () => {
    const local = createAddressGuard({ loopback: true })
    expect(
      ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'].filter((address) => !local(address)),
    ).toEqual([])
    const loopback = ['127.0.0.1', '127.255.255.254', '::1']
    expect(FORBIDDEN.filter((address) => !loopback.includes(address) && local(address))).toEqual([])
  })

  test('allows the networks of the operator, in every notation of an address', () => {
    const private10 = createAddressGuard({ loopback: false, allowedCidrs: ['10.20.0.0/16', 'fd12::/16'] })
    expect(['10.20.3.4', '::ffff:10.20.3.4', 'fd12::1'].filter((address) => !private10(address))).toEqual([])
    expect(['10.21.0.1', '::ffff:10.21.0.1', 'fd13::1'].filter(private10)).toEqual([])
  })

  test('never allows metadata services, link-local addresses or loopback', () => {
    const wide = createAddressGuard({ loopback: false, allowedCidrs: ['0.0.0.0/0', '::/0'] })
    const never = [
      '169.254.169.254',
      '100.100.100.200',
      '192.0.0.192',
      'fd00:ec2::254',
      'fe80::1',
      '127.0.0.1',
      '::1',
    ]
    expect(never.filter(wide)).toEqual([])
    expect(wide('::ffff:169.254.169.254')).toBe(false)
  })

  test.each(['10.0.0.0', '10.0.0.0/33', 'example.org/8', '::/129'])('refuses %s as a network', (cidr) => {
    expect(() => createAddressGuard({ loopback: false, allowedCidrs: [cidr] })).toThrow(RangeError)
  })
})
