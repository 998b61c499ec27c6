import { systemClock } from '../concurrency/clock.ts'
import type { LoginCheck } from '../logins/registry-login.ts'
import { CATALOG, CATALOG_SCOPE, listRepositories } from './content/listing.ts'
import { type RegistryRepository, repositoryAt } from './content/registry-repository.ts'
import type { WritableRepository } from './content/writable-repository.ts'
import { blockedContext, contextFor, locationInPlan } from './location/location-context.ts'
import { FailedMirrors, mirroredRepository } from './location/mirrored-repository.ts'
import {
  defaultLocation,
  NO_RULES,
  type RegistryRules,
  type RepositoryLocation,
  type RepositoryName,
} from './location/registry-rules.ts'
import { CloudLogins, type CloudLoginsOptions } from './login/cloud-logins.ts'
import type { Credential, Credentials } from './login/credentials.ts'
import type { RepositoryCreator } from './login/repository-creator.ts'
import type { TrustedRealms } from './login/trusted-realm.ts'
import { openWritable, type PushSettings } from './open-writable.ts'
import { checkLogin, type LoginTarget } from './session/login-check.ts'
import { VendorApi } from './session/vendor-api.ts'
import { Sessions } from './sessions.ts'
import { HostClient, type HostClientOptions } from './traffic/host-client.ts'
import type { HostStatus } from './traffic/host-traffic.ts'
import { DEFAULT_LIMITS, type RemoteLimits } from './traffic/limits.ts'
import type { RequestContext } from './traffic/request-context.ts'

/** A violation of the protocol by a registry that did not prevent the request. */
export interface RegistryWarning {
  readonly registry: string
  readonly repository: string
  /** "It" in the message is the registry. */
  readonly message: string
}

export interface RegistryClientOptions
  extends Pick<HostClientOptions, 'egress' | 'limitsOf' | 'observe' | 'takeFromQuota'>,
    Partial<Pick<HostClientOptions, 'clock' | 'random'>>,
    Pick<CloudLoginsOptions, 'onRenewalFailed'> {
  readonly credentials: Credentials
  readonly cloudExchanges: CloudLoginsOptions['exchanges']
  /** Maps the URL of a cloud's endpoint to the URL that requests are sent to; the same URL by default. */
  readonly cloudEndpoint?: CloudLoginsOptions['endpointOf']
  readonly limits?: Partial<RemoteLimits>
  /** Further token servers that may receive a registry's credentials. */
  readonly trustedRealms?: TrustedRealms
  /** Creation of repositories where registries require it before the first push; none by default. */
  readonly repositoryCreators?: readonly RepositoryCreator[]
  /** The current rules; read before each request. */
  readonly rules?: () => RegistryRules
  readonly warn?: (warning: RegistryWarning) => void
}

/** The client of all other registries. */
export type RegistryClient = ReturnType<typeof createRegistryClient>

/** Creates a client without connections of its own: they belong to `egress`, and requests end with their signals. */
export function createRegistryClient({
  clock = systemClock,
  random = Math.random,
  trustedRealms = {},
  rules = () => NO_RULES,
  warn = () => {},
  repositoryCreators = [],
  ...options
}: RegistryClientOptions) {
  const { egress, limitsOf, observe, takeFromQuota, credentials, onRenewalFailed } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const client = new HostClient({ egress, random, limits, clock, limitsOf, observe, takeFromQuota })
  const endpointOf = options.cloudEndpoint ?? ((url: URL) => url)
  const cloud = { client, clock, exchanges: options.cloudExchanges, endpointOf }
  const logins = new CloudLogins({ ...cloud, onRenewalFailed })
  const warnAt = ({ registry, repository }: RepositoryLocation, message: string): void =>
    warn({ registry, repository, message })
  const session = { client, credentials, logins, trustedRealms, clock, limits, warn: warnAt }
  const sessions = new Sessions(session)
  const failedMirrors = new FailedMirrors()

  /** Returns the origin of a repository and the context for it; a blocked context where no request may be sent. */
  const originOf = (name: RepositoryName, context: RequestContext): [RepositoryLocation, RequestContext] => {
    const plan = rules().planOf(name.registry, name.repository)
    const origin = 'blockedBy' in plan ? undefined : plan.locations.at(-1)
    if (origin && origin.problem === null) {
      return [origin, contextFor(origin, context, rules, locationInPlan(origin, name, rules))]
    }
    const blockedBy = 'blockedBy' in plan ? plan.blockedBy : (origin?.problem ?? '')
    return [defaultLocation(name.registry, name.repository), blockedContext(blockedBy, context)]
  }

  const writable = { sessions, originOf, creators: repositoryCreators, cloud }

  return {
    /** Opens a repository. Sends no request yet. */
    repository: (name: RepositoryName, context: RequestContext): RegistryRepository =>
      mirroredRepository(name, {
        rules,
        failedMirrors,
        signal: context.signal,
        warn: warnAt,
        open(location) {
          const current = locationInPlan(location, name, rules)
          return repositoryAt(sessions.open(location, contextFor(location, context, rules, current)))
        },
      }),
    /** Opens a repository to push to. Sends no request yet. */
    writableRepository: (
      name: RepositoryName,
      context: RequestContext,
      settings: PushSettings = {},
    ): WritableRepository => openWritable(writable, name, context, settings),
    /** Opens the vendor's interfaces for a repository, by the same rules. Sends no request yet. */
    api(name: RepositoryName, callerContext: RequestContext): VendorApi {
      const [location, context] = originOf(name, callerContext)
      const plan = rules().planOf(name.registry, name.repository)
      const servesTags =
        'locations' in plan &&
        !plan.locations.some(({ isMirror, serves }) => isMirror && serves !== 'DIGESTS')
      const openSession = (scope: string) => sessions.open(location, context, { scope })
      return new VendorApi({ session: sessions.open(location, context), openSession, servesTags })
    },
    /**
     * Returns all repositories of the registry page by page, each once, in the registry's order. Throws RegistryError, or the
     * signal's reason once it is aborted.
     */
    async *repositories(registry: string, callerContext: RequestContext): AsyncIterable<readonly string[]> {
      const [location, context] = originOf({ registry, repository: '' }, callerContext)
      const catalog = { repository: CATALOG, scope: CATALOG_SCOPE }
      for await (const page of listRepositories(sessions.open(location, context, catalog))) {
        yield location.repository === '' ? page : namesBelow(location.repository, page)
      }
    },
    /**
     * Tests a credential at a registry, or a repository of it, without cached hints. Rejects only with the signal's reason
     * once it is aborted.
     */
    async checkLogin(
      { registry, repository }: LoginTarget,
      credential: Credential,
      context: RequestContext,
    ): Promise<LoginCheck> {
      const current = () => rules().loginLocationOf(registry, repository)
      const location = current()
      const blockedBy = 'blockedBy' in location ? location.blockedBy : location.problem
      if ('blockedBy' in location || blockedBy) {
        const message = `no request was sent to ${registry}: ${blockedBy}`
        return { outcome: 'FAILED', reason: 'Blocked', status: null, message }
      }
      const tested = sessions.open(location, contextFor(location, context, rules, current), {
        repository: repository ?? '',
        scope: repository === null ? '' : undefined,
        hints: sessions.newHints(registry),
        credentials: { find: async () => credential },
        logins: new CloudLogins(cloud),
      })
      return checkLogin(tested, { registry, repository })
    },
    /** Returns the states of recently requested hosts (registries, token servers, redirect targets), by their names in
     *  references. */
    hostStatuses: (): HostStatus[] => client.hostStatuses(),
    /** Sends requests again to hosts and mirrors that failed: for changed rules, which may lead to others. */
    forgetFailures(): void {
      client.forgetFailures()
      failedMirrors.clear()
    },
  }
}

const namesBelow = (path: string, names: readonly string[]): readonly string[] =>
  names.filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1))
