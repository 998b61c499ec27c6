import { type Clock, systemClock } from '../concurrency/clock.ts'
import type { Egress } from '../egress/egress.ts'
import type { LoginCheck } from '../logins/registry-login.ts'
import type { Reference } from '../oci/reference.ts'
import { CATALOG, CATALOG_SCOPE, listRepositories } from './content/catalog.ts'
import type { RegistryRepository } from './content/registry-repository.ts'
import { FailedMirrors } from './location/failed-mirrors.ts'
import { blockedContext, contextFor, locationInPlan } from './location/location-context.ts'
import { mirroredRepository } from './location/mirrored-repository.ts'
import {
  defaultLocation,
  NO_RULES,
  type RegistryRules,
  type RepositoryLocation,
} from './location/registry-rules.ts'
import { type CloudExchanges, CloudLogins, type RenewalFailure } from './login/cloud-logins.ts'
import type { Credential, Credentials } from './login/credentials.ts'
import type { TrustedRealms } from './login/trusted-realm.ts'
import { repositoryAt } from './repository-at.ts'
import { checkLogin, type LoginTarget } from './session/login-check.ts'
import { Session } from './session/session.ts'
import { VendorApi } from './session/vendor-api.ts'
import { Sessions } from './sessions.ts'
import { HostClient, type RequestOutcome } from './traffic/host-client.ts'
import { registryOf } from './traffic/host-names.ts'
import type { HostLimits, HostStatus } from './traffic/host-traffic.ts'
import { DEFAULT_LIMITS, type RemoteLimits } from './traffic/limits.ts'
import type { RequestContext } from './traffic/request-context.ts'

/** A violation of the protocol by a registry that did not prevent the request. */
export interface RegistryWarning {
  readonly registry: string
  readonly repository: string
  /** "It" in the message is the registry. */
  readonly message: string
}

export interface RegistryClientOptions {
  readonly egress: Egress
  readonly credentials: Credentials
  /** Exchanges the keys of clouds for logins at their registries. */
  readonly cloudExchanges: CloudExchanges
  /** Maps the URL of a cloud's endpoint to the URL that requests are sent to; the same URL by default. */
  readonly cloudEndpoint?: (endpoint: URL) => URL
  /** Receives the first failure to renew a cloud's login, which is used until it expires. */
  readonly onRenewalFailed?: (failure: RenewalFailure) => void
  /** The system's clock by default. */
  readonly clock?: Clock
  /** Between 0 and 1; Math.random by default. */
  readonly random?: () => number
  readonly limits?: Partial<RemoteLimits>
  /** Limits of a host, by its name in references; read before each request. */
  readonly limitsOf?: (host: string) => HostLimits
  /** Receives the outcome of each attempt of a request, by the host's name in references. */
  readonly observe?: (host: string, outcome: RequestOutcome) => void
  /** Further token servers that may receive a registry's credentials. */
  readonly trustedRealms?: TrustedRealms
  /** The current rules; read before each request. */
  readonly rules?: () => RegistryRules
  readonly warn?: (warning: RegistryWarning) => void
}

/** The client of all other registries. */
export interface RegistryClient {
  /** Opens a repository. Sends no request yet. */
  repository(
    reference: Pick<Reference, 'registry' | 'repository'>,
    context: RequestContext,
  ): RegistryRepository
  /** Opens the vendor's interfaces for a repository, by the same rules. Sends no request yet. */
  api(reference: Pick<Reference, 'registry' | 'repository'>, context: RequestContext): VendorApi
  /**
   * Returns all repositories of the registry page by page, each once, in the registry's order. Throws RegistryError, or the
   * signal's reason once it is aborted.
   */
  repositories(registry: string, context: RequestContext): AsyncIterable<readonly string[]>
  /**
   * Tests a credential at a registry, or a repository of it, without cached hints. Rejects only with the signal's reason
   * once it is aborted.
   */
  checkLogin(target: LoginTarget, credential: Credential, context: RequestContext): Promise<LoginCheck>
  /** Returns the states of recently requested hosts (registries, token servers, redirect targets), by their names in
   *  references. */
  hostStatuses(): HostStatus[]
  /** Sends requests again to hosts and mirrors that failed: for changed rules, which may lead to others. */
  forgetFailures(): void
}

/** Creates a client without connections of its own: they belong to `egress`, and requests end with their signals. */
export function createRegistryClient({
  clock = systemClock,
  trustedRealms = {},
  rules = () => NO_RULES,
  warn = () => {},
  ...options
}: RegistryClientOptions): RegistryClient {
  const { credentials, cloudExchanges: exchanges, cloudEndpoint: endpointOf = (url) => url } = options
  const { onRenewalFailed } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const client = createHostClient(options, limits, clock)
  const cloud = { client, clock, exchanges, endpointOf }
  const logins = new CloudLogins({ ...cloud, ...(onRenewalFailed && { onRenewalFailed }) })
  const session = { client, credentials, logins, trustedRealms, clock }
  const sessions = new Sessions({ ...session, hosts: limits.hosts })
  const failedMirrors = new FailedMirrors()

  const warnOf =
    ({ registry, repository }: RepositoryLocation) =>
    (message: string): void =>
      warn({ registry, repository, message })

  /** Returns the origin of a repository and the context for it; a blocked context where no request may be sent. */
  const originOf = (
    registry: string,
    repository: string,
    context: RequestContext,
  ): [RepositoryLocation, RequestContext] => {
    const plan = rules().planOf(registry, repository)
    const origin = 'blockedBy' in plan ? undefined : plan.locations.at(-1)
    if (origin && origin.problem === null) {
      const current = locationInPlan(origin, { registry, repository }, rules)
      return [origin, contextFor(origin, context, rules, current)]
    }
    const blockedBy = 'blockedBy' in plan ? plan.blockedBy : (origin?.problem ?? '')
    return [defaultLocation(registry, repository), blockedContext(blockedBy, context)]
  }

  return {
    repository: (reference, context) =>
      mirroredRepository(reference, {
        rules,
        failedMirrors,
        open(location) {
          const current = locationInPlan(location, reference, rules)
          const opened = sessions.open(location, contextFor(location, context, rules, current))
          return repositoryAt(opened, { clock, limits, warn: warnOf(location) })
        },
        signal: context.signal,
        warn: (location, message) => warnOf(location)(message),
      }),
    api({ registry, repository }, callerContext) {
      const [location, context] = originOf(registry, repository, callerContext)
      const { hints } = sessions.open(location, context)
      const openSession = (scope: string) => sessions.open(location, context, { ...location, scope }).session
      const plan = rules().planOf(registry, repository)
      const servesTags =
        'locations' in plan &&
        !plan.locations.some(({ isMirror, serves }) => isMirror && serves !== 'DIGESTS')
      return new VendorApi({ ...session, ...location, servesTags, hints, openSession, context })
    },
    async *repositories(registry, callerContext) {
      const [location, context] = originOf(registry, '', callerContext)
      const catalog = { repository: CATALOG, scope: CATALOG_SCOPE }
      const opened = sessions.open(location, context, catalog)
      const pages = listRepositories(opened.session, { clock, limits, warn: warnOf(location) })
      for await (const page of pages) {
        yield location.repository === '' ? page : namesBelow(location.repository, page)
      }
    },
    checkLogin({ registry, repository }, credential, context) {
      const current = () => rules().loginLocationOf(registry, repository)
      const location = current()
      const blockedBy = 'blockedBy' in location ? location.blockedBy : location.problem
      if ('blockedBy' in location || blockedBy) {
        const message = `no request was sent to ${registry}: ${blockedBy}`
        return Promise.resolve({ outcome: 'BLOCKED', status: null, message } as const)
      }
      const tested = new Session({
        ...session,
        registry,
        repository: repository ?? '',
        ...(repository === null && { scope: '' }),
        hints: sessions.newHints(registry),
        credentials: { find: async () => credential },
        logins: new CloudLogins(cloud),
        context: contextFor(location, context, rules, current),
      })
      return checkLogin(tested, { registry, repository })
    },
    hostStatuses: () => client.hostStatuses().map((one) => ({ ...one, host: registryOf(one.host) })),
    forgetFailures() {
      client.forgetFailures()
      failedMirrors.clear()
    },
  }
}

/** Creates the client of hosts, which calls back with the names of hosts in references. */
function createHostClient(
  { egress, random = Math.random, limitsOf, observe }: Omit<RegistryClientOptions, 'clock'>,
  limits: RemoteLimits,
  clock: Clock,
): HostClient {
  return new HostClient({
    ...{ egress, random, limits, clock },
    ...(limitsOf && { limitsOf: (host: string) => limitsOf(registryOf(host)) }),
    ...(observe && {
      observe: (host: string, outcome: RequestOutcome) => observe(registryOf(host), outcome),
    }),
  })
}

const namesBelow = (path: string, names: readonly string[]): readonly string[] =>
  names.filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1))
