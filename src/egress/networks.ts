import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/** Returns the list of these networks, such as `10.20.0.0/16`. Throws RangeError for other text. */
export function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const match = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(cidr)
    const network = match?.[1] ?? ''
    const family = isIPv4(network) ? 'ipv4' : 'ipv6'
    const prefix = Number(match?.[2])
    if ((!isIPv4(network) && !isIPv6(network)) || prefix > (family === 'ipv4' ? 32 : 128)) {
      throw new RangeError(`"${cidr}" is not a network like 10.20.0.0/16`)
    }
    list.addSubnet(network, prefix, family)
  }
  return list
}

/** Returns what reports whether an address is one of these, or in one of these networks. Throws RangeError for other text. */
export function isInNetworks(items: readonly string[]): (address: string) => boolean {
  const list = blockList(
    items.map((item) => (isIP(item) === 0 ? item : `${item}/${isIPv4(item) ? 32 : 128}`)),
  )
  return (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
