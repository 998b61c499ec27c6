import { type Challenge, parseChallenges } from '../../remote/login/challenge.ts'
import type { ApiHeaders } from '../../remote/session/vendor-api.ts'
import type { Vendor } from './vendor.ts'

/** A request that finds out whether a listing is enabled. */
export const PROBE = { method: 'GET', headers: { accept: 'application/json' }, maxBytes: 64 * 1024 } as const

/** Returns a condition of challenges for tokens of a server with this path, for any service unless one is given. */
export const hasTokenServer =
  (path: string, service?: string) =>
  ({ scheme, parameters }: Challenge): boolean => {
    const realm = parameters.get('realm') ?? ''
    if (scheme !== 'bearer' || !URL.canParse(realm)) return false
    return new URL(realm).pathname === path && (!service || parameters.get('service') === service)
  }

/** Returns the vendor of a registry by its host name; undefined when the name is not that of a vendor. */
export function vendorByName(vendors: readonly Vendor[], registry: string): Vendor | undefined {
  const name = registry.toLowerCase()
  return vendors.find(({ hasHost }) => hasHost?.(name))
}

/** Returns the likely vendor of a registry by the headers of any of its responses; undefined when they show none. */
export function vendorByHeaders(vendors: readonly Vendor[], headers: ApiHeaders): Vendor | undefined {
  const byHeader = vendors.find((vendor) => vendor.headers?.some((name) => name in headers))
  if (byHeader) return byHeader
  for (const challenge of parseChallenges(headers['www-authenticate'])) {
    const vendor = vendors.find(({ sends }) => sends?.(challenge))
    if (vendor) return vendor
  }
  return undefined
}
