import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAddressGuard } from '../../src/egress/address-guard.ts'

const POLICIES = [
  { loopback: false },
  { loopback: true },
  { loopback: false, allowedCidrs: ['10.20.0.0/16', 'fd12::/16'] },
]

/** Returns the address as a URL has it, without brackets: as the connector of the egress gets it. */
const hostOf = (host: string): string => new URL(`https://${host}/`).hostname.replace(/^\[|\]$/g, '')

const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 10, 20, 100, 127, 168, 169, 172, 192, 224, 254, 255))
const ipv4 = fc.tuple(byte, byte, byte, byte)
const group = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 0xffff, 0x64, 0xff9b, 0xfd12, 0xfe80, 0x2001))
const ipv6 = fc.tuple(group, group, group, group, group, group, group, group)

/** Spellings of one IPv4 address: decimal, octal and hexadecimal, of one to four parts. */
function spellingsOf([a, b, c, d]: readonly [number, number, number, number]): string[] {
  const number = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (one: number): string => `0x${one.toString(16)}`
  const octal = (one: number): string => `0${one.toString(8)}`
  return [
    `${number}`,
    hex(number),
    octal(number),
    `${a}.${number % 2 ** 24}`,
    `${hex(a)}.${octal(b)}.${number % 2 ** 16}`,
    [hex(a), octal(b), c, d].join('.'),
    `${a}.${b}.${c}.${d}.`,
    [a, b, c, d].map((one) => hex(one).toUpperCase().replace('X', 'x')).join('.'),
  ]
}

describe('the verdict about an address', () => {
  it('is the same for all spellings of an IPv4 address, also inside of an IPv6 address', () => {
    fc.assert(
      fc.property(ipv4, fc.constantFrom(...POLICIES), (bytes, policy) => {
        const isAllowed = createAddressGuard(policy)
        const plain = bytes.join('.')
        const verdict = isAllowed(plain)
        for (const spelling of spellingsOf(bytes)) expect(isAllowed(hostOf(spelling)), spelling).toBe(verdict)
        const mapped = [`::ffff:${plain}`, `0:0:0:0:0:FFFF:${plain}`, hostOf(`[::ffff:${plain}]`)]
        for (const spelling of mapped) expect(isAllowed(spelling), spelling).toBe(verdict)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is the same for all spellings of an IPv6 address', () => {
    fc.assert(
      fc.property(ipv6, fc.constantFrom(...POLICIES), (groups, policy) => {
        const isAllowed = createAddressGuard(policy)
        const short = groups.map((one) => one.toString(16)).join(':')
        const verdict = isAllowed(short)
        const long = groups.map((one) => one.toString(16).padStart(4, '0')).join(':')
        const spellings = [long, long.toUpperCase(), hostOf(`[${short}]`), `${short}%eth0`]
        for (const spelling of spellings) expect(isAllowed(spelling), spelling).toBe(verdict)
      }),
      { numRuns: 2_000 },
    )
  })
})
