import { type Clock, systemClock } from '../concurrency/clock.ts'
import type { Egress } from '../egress/egress.ts'
import type { LoginCheck } from '../logins/registry-login.ts'
import type { Reference } from '../oci/reference.ts'
import { fetchBlob } from './content/blobs.ts'
import { CATALOG, CATALOG_SCOPE, listRepositories } from './content/catalog.ts'
import { fetchConfig, fetchSmallBlob } from './content/configs.ts'
import { fetchManifest, resolveTag } from './content/manifests.ts'
import { digestOfTag, listReferrers } from './content/referrers.ts'
import type { RegistryRepository } from './content/registry-repository.ts'
import { listTags } from './content/tags.ts'
import { Distrust } from './location/failed-mirrors.ts'
import { placedRepository } from './location/mirrored-repository.ts'
import {
  blockedContext,
  contextFor,
  itself,
  NO_RULES,
  placeInPlan,
  type RegistryRules,
  type RepositoryLocation,
} from './location/registry-rules.ts'
import { type CloudExchanges, CloudLogins, type RenewalFailure } from './login/cloud-logins.ts'
import type { Credential, Credentials } from './login/credentials.ts'
import { dialledHost, RegistryHost, registryOf } from './login/registry-host.ts'
import { Tokens } from './login/token.ts'
import type { TrustedRealms } from './login/trusted-realm.ts'
import { checkLogin, type LoginPlace } from './session/login-check.ts'
import { Session, type SessionOptions } from './session/session.ts'
import { VendorApi } from './session/vendor-api.ts'
import { HostClient, type RequestContext, type RequestOutcome } from './traffic/host-client.ts'
import type { HostLimits, HostStatus } from './traffic/host-traffic.ts'
import { DEFAULT_LIMITS, type RemoteLimits } from './traffic/limits.ts'

/** What a registry did that is against the rules and was put up with. */
export interface RegistryWarning {
  readonly registry: string
  readonly repository: string
  /** About "it", the registry. */
  readonly message: string
}

export interface RegistryClientOptions {
  readonly egress: Egress
  readonly credentials: Credentials
  /** The system's when not given. */
  readonly clock?: Clock
  /** Between 0 and 1; Math.random when not given. */
  readonly random?: () => number
  readonly limits?: Partial<RemoteLimits>
  /** What may be asked of a host, named as references spell it; asked again with each request to it. */
  readonly limitsOf?: (host: string) => HostLimits
  /** Told of each request, each try of it, to a host as references spell it. */
  readonly observe?: (host: string, outcome: RequestOutcome) => void
  /** Token servers on other hosts that may be shown a registry's credentials. */
  readonly trustedRealms?: TrustedRealms
  /** Exchanges the keys of clouds for logins at their registries. */
  readonly cloudExchanges: CloudExchanges
  /** Where an endpoint of a cloud is really asked for a login; there itself when not given. */
  readonly cloudEndpoint?: (endpoint: URL) => URL
  /** Told when a cloud’s login begins not to be renewable; it is shown to its end. */
  readonly onRenewalFailed?: (login: RenewalFailure) => void
  /** Where registries are asked, and how, as it stands now; asked again with each question. */
  readonly rules?: () => RegistryRules
  readonly warn?: (warning: RegistryWarning) => void
}

/** The client of every other registry; remembers of each how it wants to be asked. */
export interface RegistryClient {
  /** Opens no connection yet. */
  repository(
    reference: Pick<Reference, 'registry' | 'repository'>,
    context: RequestContext,
  ): RegistryRepository
  /** What vendors offer beside the registries' protocol, asked by the same rules. Opens no connection yet. */
  api(reference: Pick<Reference, 'registry' | 'repository'>, context: RequestContext): VendorApi
  /**
   * Every repository of the registry, page by page as they arrive, each once, in the registry's order. Throws
   * RegistryError, or the signal's reason once it is aborted.
   */
  repositories(registry: string, context: RequestContext): AsyncIterable<readonly string[]>
  /**
   * What the registry, or a repository of it, makes of the credential now: nothing that was learned before counts.
   * Rejects only with the signal's reason once it is aborted.
   */
  checkLogin(place: LoginPlace, credential: Credential, context: RequestContext): Promise<LoginCheck>
  /**
   * What goes on with each host that was asked lately, as references spell it: of registries, of token servers, and
   * where they redirect to.
   */
  hostStatuses(): HostStatus[]
  /** Asks hosts again that failed and are left alone: the rules were changed, and may lead there now. */
  forgetFailures(): void
}

/** Holds no connection of its own: those are the egress's, and what is under way ends with its signal. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { egress, credentials, clock = systemClock, random = Math.random } = options
  const { trustedRealms = {}, rules = () => NO_RULES, warn = () => {} } = options
  const { cloudExchanges: exchanges, cloudEndpoint: endpointOf = (url) => url } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const { limitsOf, observe } = options
  const client = new HostClient({
    egress,
    clock,
    random,
    limits,
    ...(limitsOf && { limitsOf: (host: string) => limitsOf(registryOf(host)) }),
    ...(observe && {
      observe: (host: string, outcome: RequestOutcome) => observe(registryOf(host), outcome),
    }),
  })
  const { onRenewalFailed } = options
  const logins = new CloudLogins({
    exchanges,
    client,
    clock,
    endpointOf,
    ...(onRenewalFailed && { onRenewalFailed }),
  })
  const hosts = new Map<string, RegistryHost>()
  const distrust = new Distrust()

  const hostOf = (
    { registry, route }: RepositoryLocation,
    { insecure, namespace }: RequestContext,
  ): RegistryHost => {
    const name = dialledHost(registry)
    const cacheScope = credentials.cacheScope?.(registry, namespace) ?? ''
    // apart, so that no scheme or token found without verification serves a request that asks for it, and that none
    // found with one namespace's credentials, or by way of one configuration, serves another
    const key = `${name} ${insecure} ${cacheScope} ${route?.id ?? ''}`
    let host = hosts.get(key)
    if (!host) {
      for (const [old, { idle }] of hosts) {
        if (hosts.size < limits.hosts) break
        if (idle) hosts.delete(old)
      }
      host = new RegistryHost(name, new Tokens({ client, clock }))
      hosts.set(key, host)
    }
    return host
  }

  const open = (place: RepositoryLocation, context: RequestContext, { repository, scope }: Asked = place) => {
    const { registry } = place
    const host = hostOf(place, context)
    const session = new Session({
      registry,
      repository,
      ...(scope !== undefined && { scope }),
      host,
      client,
      credentials,
      logins,
      trustedRealms,
      clock,
      context,
    })
    return { host, session, tell: tellOf(place) }
  }
  const tellOf =
    ({ registry, repository }: RepositoryLocation) =>
    (message: string): void =>
      warn({ registry, repository, message })

  const repositoryAt = (place: RepositoryLocation, context: RequestContext): RegistryRepository => {
    const { host, session, tell } = open(place, context)
    return {
      listTags: (from) => listTags(session, { from, clock, limits, warn: tell }),
      resolveTag: (tag, known) => resolveTag(session, tag, known, { host, clock, warn: tell }),
      fetchManifest: (digest) => fetchManifest(session, digest),
      fetchConfig: (descriptor) => fetchConfig(session, descriptor),
      fetchBlob: (descriptor) => fetchBlob(session, descriptor, { clock, limits }),
      listReferrers: (subject, artifactType) =>
        listReferrers(session, { subject, artifactType }, { host, clock, warn: tell }),
      digestOfTag: (tag) => digestOfTag(session, tag, { host, clock, warn: tell }),
      fetchAttachment: (descriptor, maxBytes) =>
        fetchSmallBlob(session, descriptor, { noun: 'attachment', maxBytes }),
    }
  }

  /** The place behind the mirrors, and the context to it; one that leads nowhere where nobody is to be asked. */
  const originOf = (
    registry: string,
    repository: string,
    asked: RequestContext,
  ): [RepositoryLocation, RequestContext] => {
    const plan = rules().planOf(registry, repository)
    const origin = 'blockedBy' in plan ? undefined : plan.locations.at(-1)
    if (origin && origin.problem === null) {
      const now = placeInPlan(origin, { registry, repository }, rules)
      return [origin, contextFor(origin, asked, rules, now)]
    }
    const why = 'blockedBy' in plan ? plan.blockedBy : (origin?.problem ?? '')
    return [itself(registry, repository), blockedContext(why, asked)]
  }

  return {
    repository: (reference, context) =>
      placedRepository(reference, {
        rules,
        open: (place) =>
          repositoryAt(place, contextFor(place, context, rules, placeInPlan(place, reference, rules))),
        distrust,
        signal: context.signal,
        warn: (place, message) => tellOf(place)(message),
      }),
    api({ registry, repository }, asked) {
      const [place, context] = originOf(registry, repository, asked)
      const { host } = open(place, context)
      const openFor = (scope: string) => open(place, context, { ...place, scope }).session
      const plan = rules().planOf(registry, repository)
      const servesTags =
        'locations' in plan &&
        !plan.locations.some(({ isMirror, serves }) => isMirror && serves !== 'DIGESTS')
      return new VendorApi({
        ...place,
        servesTags,
        host,
        openFor,
        client,
        credentials,
        logins,
        clock,
        context,
      })
    },
    async *repositories(registry, asked) {
      const [place, context] = originOf(registry, '', asked)
      const { session, tell } = open(place, context, { repository: CATALOG, scope: CATALOG_SCOPE })
      for await (const page of listRepositories(session, { clock, limits, warn: tell })) {
        yield place.repository === '' ? page : namesBelow(place.repository, page)
      }
    },
    checkLogin({ registry, repository }, credential, asked) {
      const place = rules().loginLocationOf(registry, repository)
      if ('blockedBy' in place || place.problem) {
        const why = 'blockedBy' in place ? place.blockedBy : place.problem
        return Promise.resolve({
          outcome: 'BLOCKED',
          status: null,
          message: `${registry} was not asked: ${why}`,
        } as const)
      }
      const session = new Session({
        registry,
        repository: repository ?? '',
        ...(repository === null && { scope: '' }),
        host: new RegistryHost(dialledHost(registry), new Tokens({ client, clock })),
        client,
        credentials: { find: async () => credential },
        logins: new CloudLogins({ exchanges, client, clock, endpointOf }),
        trustedRealms,
        clock,
        context: contextFor(place, asked, rules, () => rules().loginLocationOf(registry, repository)),
      })
      return checkLogin(session, { registry, repository })
    },
    forgetFailures() {
      client.forgetFailures()
      distrust.forget()
    },
    hostStatuses: () => client.hostStatuses().map((one) => ({ ...one, host: registryOf(one.host) })),
  }
}

/** Which part of a place a session is for, where it is not its repository. */
type Asked = Pick<SessionOptions, 'repository' | 'scope'>

const namesBelow = (path: string, names: readonly string[]): readonly string[] =>
  names.filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1))
