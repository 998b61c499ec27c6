import { getDomain } from 'tldts'
import { splitPrefix } from '../logins/registry-login.ts'
import type { RegistryConfiguration } from './configuration.ts'

/**
 * A change of a configuration after which other servers may receive the logins that are sent to its hosts, or after which
 * the servers there are verified in another way.
 */
export interface ReceiverChange {
  /** The prefix of the configuration. */
  readonly prefix: string
  /** `host[:port]` of the servers that are reached in another way. */
  readonly hosts: readonly string[]
}

/** Domains of the token servers of clouds, by the kind of the credentials that they exchange. */
const CLOUD_TOKEN_SERVERS: Readonly<Partial<Record<string, readonly string[]>>> = {
  AWS_ACCESS_KEY: ['amazonaws.com', 'amazonaws.com.cn', 'api.aws'],
  GOOGLE_SERVICE_ACCOUNT: ['googleapis.com'],
  AZURE_SERVICE_PRINCIPAL: ['microsoftonline.com', 'microsoftonline.us', 'chinacloudapi.cn'],
}

/** Domains of clouds below which each host is a registry of another owner, and no token server of the others. */
const SHARED_DOMAINS = ['azurecr.io', 'azurecr.cn', 'azurecr.us']
const ECR = /\.dkr[.-]ecr\b/

/**
 * Reports whether logins for the registry may be sent to one of the hosts: the registry itself, a token server of the same
 * registered domain, or for the key of a cloud a token server of that cloud.
 */
export const mayReceive = (hosts: readonly string[], registry: string, kind?: string): boolean =>
  hosts.some((host) => {
    if (host === registry) return true
    const [receiver, named] = [hostnameOf(host), hostnameOf(registry)]
    if (ECR.test(receiver) || isIn(receiver, SHARED_DOMAINS)) {
      // the key of a registry behind another host name is exchanged at its own name
      return kind === 'AZURE_SERVICE_PRINCIPAL' && !isIn(named, SHARED_DOMAINS)
    }
    return isSameDomain(receiver, named) || isIn(receiver, CLOUD_TOKEN_SERVERS[kind ?? ''] ?? [])
  })

const isIn = (hostname: string, domains: readonly string[]): boolean =>
  domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`))

function isSameDomain(one: string, other: string): boolean {
  const domain = getDomain(one, { allowPrivateDomains: true })
  return domain !== null && domain === getDomain(other, { allowPrivateDomains: true })
}

const hostnameOf = (host: string): string => host.replace(/:\d+$/, '')

/** Returns the hosts that receive logins because of the configuration, with the settings that decide how each is reached. */
function receiversOf(configuration: RegistryConfiguration): Map<string, string> {
  const { registry, insecure, ca, proxy, vendor, apiUrl, location, mirrors } = configuration
  const receivers = new Map<string, unknown[]>()
  const add = (host: string, ...settings: unknown[]): void =>
    void receivers.set(host, [...(receivers.get(host) ?? []), ...settings])
  const own = { insecure: insecure === true, ca, proxy, vendor, apiUrl }
  if (own.insecure || ca !== null || proxy !== null || vendor !== null || apiUrl !== null) add(registry, own)
  const insecurely = [
    ...(location !== null && insecure === true ? [location] : []),
    ...(mirrors ?? []).filter((mirror) => mirror.insecure).map((mirror) => mirror.location),
  ]
  for (const place of insecurely) add(splitPrefix(place).registry, 'insecure')
  return new Map([...receivers].map(([host, settings]) => [host, JSON.stringify(settings)]))
}

const NONE: ReadonlyMap<string, string> = new Map()

/** Returns the hosts whose logins a change sends elsewhere, or over connections that are verified in another way. */
export function changedReceivers(
  before: RegistryConfiguration | undefined,
  after: RegistryConfiguration | undefined,
): string[] {
  const [old, current] = [before, after].map((one) => (one ? receiversOf(one) : NONE)) as [
    ReadonlyMap<string, string>,
    ReadonlyMap<string, string>,
  ]
  return [...new Set([...old.keys(), ...current.keys()])].filter(
    (host) => old.get(host) !== current.get(host),
  )
}

/** Returns the hosts that any of the configurations reaches in another way than by default. */
export const configuredReceivers = (configurations: readonly RegistryConfiguration[]): string[] => [
  ...new Set(configurations.flatMap((one) => [...receiversOf(one).keys()])),
]
