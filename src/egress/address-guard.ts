import { isIPv4, isIPv6 } from 'node:net'
import { blockList } from './networks.ts'

/** Addresses to which connections are allowed, in addition to public ones. */
export interface AddressPolicy {
  /** True only while the server itself listens on nothing but loopback. */
  readonly loopback: boolean
  /** Private networks that contain registries: `10.20.0.0/16`, `fd12::/16`. Never allows loopback or metadata services. */
  readonly allowedCidrs?: readonly string[]
}

/** Reports whether connections to an IP address are allowed; accepts every notation that Node.js accepts. */
export type AddressGuard = (address: string) => boolean

// No setting allows these: this host, link-local, multicast, and metadata services of clouds outside link-local networks.
const NEVER = blockList([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '100.100.100.200/32', // Alibaba Cloud
  '168.63.129.16/32', // Azure
  '192.0.0.192/32', // Oracle Cloud
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::/32', // AWS
  'fd20:ce::254/128', // Google Cloud
])
const LOOPBACK = blockList(['127.0.0.0/8', '::1/128'])
// IANA's special-purpose registries; includes 6to4 and Teredo, which can carry any IPv4 address.
const SPECIAL = blockList([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '240.0.0.0/4',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
])
const GLOBAL_UNICAST = blockList(['2000::/3'])

/** Creates a guard that allows public addresses and those of the policy. Throws RangeError for an invalid CIDR. */
export function createAddressGuard({ loopback, allowedCidrs = [] }: AddressPolicy): AddressGuard {
  const allowed = blockList(allowedCidrs)

  const allows = (address: string, family: 'ipv4' | 'ipv6', local: boolean): boolean => {
    if (NEVER.check(address, family)) return false
    if (LOOPBACK.check(address, family)) return local
    if (allowed.check(address, family)) return true
    if (SPECIAL.check(address, family)) return false
    return family === 'ipv4' || GLOBAL_UNICAST.check(address, family)
  }

  return (spelled) => {
    const address = spelled.split('%', 1)[0] ?? ''
    if (isIPv4(address)) return allows(address, 'ipv4', loopback)
    if (!isIPv6(address)) return false
    const embedded = embeddedIPv4(groupsOf(address))
    if (embedded === undefined) return allows(address, 'ipv6', loopback)
    // the loopback of a NAT64 translator is not this host's
    return allows(embedded.address, 'ipv4', loopback && embedded.mapped)
  }
}

// IPv4-mapped (::ffff:0:0/96) is the IPv4 address itself; NAT64 (64:ff9b::/96) is translated to it by the network.
function embeddedIPv4(groups: readonly number[]): { address: string; mapped: boolean } | undefined {
  const prefix = groups.slice(0, 6).join()
  const mapped = prefix === [0, 0, 0, 0, 0, 0xffff].join()
  if (!mapped && prefix !== [0x64, 0xff9b, 0, 0, 0, 0].join()) return undefined
  const [high = 0, low = 0] = groups.slice(6)
  return { address: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`, mapped }
}

function groupsOf(address: string): number[] {
  const hexadecimal = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  )
  const [head = [], tail = []] = hexadecimal
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))))
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}
