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
import { Distrust } from './distrust.ts'
import { type AgeingLogin, CloudLogins } from './login/cloud-logins.ts'
import type { Credential, Credentials } from './login/credentials.ts'
import { dialledHost, RegistryHost, registryOf } from './login/registry-host.ts'
import { Tokens } from './login/token.ts'
import type { TrustedRealms } from './login/trusted-realm.ts'
import { placedRepository } from './placed-repository.ts'
import {
  errandNowhere,
  errandTo,
  itself,
  NO_RULES,
  type Place,
  placeInPlan,
  type RegistryRules,
} from './registry-rules.ts'
import { ApiAccess } from './session/api-access.ts'
import { checkLogin, type LoginPlace } from './session/login-check.ts'
import { Session, type SessionOptions } from './session/session.ts'
import { Dialer, type Errand, type RequestOutcome } from './traffic/dialer.ts'
import type { HostLimits, HostStanding } from './traffic/host-traffic.ts'
import { DEFAULT_LIMITS, type RemoteLimits } from './traffic/limits.ts'

/** What a registry did that is against the rules and was put up with. */
export interface RemoteWarning {
  readonly registry: string
  readonly repository: string
  /** About "it", the registry. */
  readonly message: string
}

export interface RemoteRegistryOptions {
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
  /** Where an endpoint of a cloud is really asked for a login; there itself when not given. */
  readonly cloudEndpoint?: (endpoint: URL) => URL
  /** Told when a cloud’s login begins not to be renewable; it is shown to its end. */
  readonly onAgeingLogin?: (login: AgeingLogin) => void
  /** Where registries are asked, and how, as it stands now; asked again with each question. */
  readonly rules?: () => RegistryRules
  readonly warn?: (warning: RemoteWarning) => void
}

/** The client of every other registry; remembers of each how it wants to be asked. */
export interface RegistryClient {
  /** Opens no connection yet. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>, errand: Errand): RegistryRepository
  /** What vendors offer beside the registries' protocol, asked by the same rules. Opens no connection yet. */
  api(reference: Pick<Reference, 'registry' | 'repository'>, errand: Errand): ApiAccess
  /**
   * Every repository of the registry, page by page as they arrive, each once, in the registry's order. Throws
   * RegistryError, or the signal's reason once it is aborted.
   */
  repositories(registry: string, errand: Errand): AsyncIterable<readonly string[]>
  /**
   * What the registry, or a repository of it, makes of the credential now: nothing that was learned before counts.
   * Rejects only with the signal's reason once it is aborted.
   */
  checkLogin(place: LoginPlace, credential: Credential, errand: Errand): Promise<LoginCheck>
  /**
   * What goes on with each host that was asked lately, as references spell it: of registries, of token servers, and
   * where they redirect to.
   */
  standings(): HostStanding[]
  /** Asks hosts again that failed and are left alone: the rules were changed, and may lead there now. */
  reconsider(): void
}

/** Holds no connection of its own: those are the egress's, and what is under way ends with its signal. */
export function createRemoteRegistry(options: RemoteRegistryOptions): RegistryClient {
  const { egress, credentials, clock = systemClock, random = Math.random } = options
  const { trustedRealms = {}, rules = () => NO_RULES, warn = () => {} } = options
  const { cloudEndpoint: endpointOf = (url) => url } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const { limitsOf, observe } = options
  const dialer = new Dialer({
    egress,
    clock,
    random,
    limits,
    ...(limitsOf && { limitsOf: (host: string) => limitsOf(registryOf(host)) }),
    ...(observe && {
      observe: (host: string, outcome: RequestOutcome) => observe(registryOf(host), outcome),
    }),
  })
  const { onAgeingLogin: onAgeing } = options
  const logins = new CloudLogins({ dialer, clock, endpointOf, ...(onAgeing && { onAgeing }) })
  const hosts = new Map<string, RegistryHost>()
  const distrust = new Distrust()

  const hostOf = ({ registry, route }: Place, { insecure, namespace }: Errand): RegistryHost => {
    const name = dialledHost(registry)
    const learner = credentials.learner?.(registry, namespace) ?? ''
    // apart, so that no scheme or token found without verification serves a request that asks for it, and that none
    // found with one namespace's credentials, or by way of one configuration, serves another
    const key = `${name} ${insecure} ${learner} ${route?.id ?? ''}`
    let host = hosts.get(key)
    if (!host) {
      for (const [old, { idle }] of hosts) {
        if (hosts.size < limits.hosts) break
        if (idle) hosts.delete(old)
      }
      host = new RegistryHost(name, new Tokens({ dialer, clock }))
      hosts.set(key, host)
    }
    return host
  }

  const open = (place: Place, errand: Errand, { repository, scope }: Asked = place) => {
    const { registry } = place
    const host = hostOf(place, errand)
    const session = new Session({
      registry,
      repository,
      ...(scope !== undefined && { scope }),
      host,
      dialer,
      credentials,
      logins,
      trustedRealms,
      clock,
      errand,
    })
    return { host, session, tell: tellOf(place) }
  }
  const tellOf =
    ({ registry, repository }: Place) =>
    (message: string): void =>
      warn({ registry, repository, message })

  const repositoryAt = (place: Place, errand: Errand): RegistryRepository => {
    const { host, session, tell } = open(place, errand)
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

  /** The place behind the mirrors, and the errand to it; one that leads nowhere where nobody is to be asked. */
  const originOf = (registry: string, repository: string, asked: Errand): [Place, Errand] => {
    const plan = rules().planOf(registry, repository)
    const origin = 'blockedBy' in plan ? undefined : plan.places.at(-1)
    if (origin && origin.broken === null) {
      const now = placeInPlan(origin, { registry, repository }, rules)
      return [origin, errandTo(origin, asked, rules, now)]
    }
    const why = 'blockedBy' in plan ? plan.blockedBy : (origin?.broken ?? '')
    return [itself(registry, repository), errandNowhere(why, asked)]
  }

  return {
    repository: (reference, errand) =>
      placedRepository(reference, {
        rules,
        open: (place) =>
          repositoryAt(place, errandTo(place, errand, rules, placeInPlan(place, reference, rules))),
        distrust,
        signal: errand.signal,
        warn: (place, message) => tellOf(place)(message),
      }),
    api({ registry, repository }, asked) {
      const [place, errand] = originOf(registry, repository, asked)
      const { host } = open(place, errand)
      const openFor = (scope: string) => open(place, errand, { ...place, scope }).session
      const plan = rules().planOf(registry, repository)
      const isAskedForTags =
        'places' in plan && !plan.places.some(({ isMirror, serves }) => isMirror && serves !== 'DIGESTS')
      return new ApiAccess({
        ...place,
        isAskedForTags,
        host,
        openFor,
        dialer,
        credentials,
        logins,
        clock,
        errand,
      })
    },
    async *repositories(registry, asked) {
      const [place, errand] = originOf(registry, '', asked)
      const { session, tell } = open(place, errand, { repository: CATALOG, scope: CATALOG_SCOPE })
      for await (const page of listRepositories(session, { clock, limits, warn: tell })) {
        yield place.repository === '' ? page : namesBelow(place.repository, page)
      }
    },
    checkLogin({ registry, repository }, credential, asked) {
      const place = rules().loginPlaceOf(registry, repository)
      if ('blockedBy' in place || place.broken) {
        const why = 'blockedBy' in place ? place.blockedBy : place.broken
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
        host: new RegistryHost(dialledHost(registry), new Tokens({ dialer, clock })),
        dialer,
        credentials: { find: async () => credential },
        logins: new CloudLogins({ dialer, clock, endpointOf }),
        trustedRealms,
        clock,
        errand: errandTo(place, asked, rules, () => rules().loginPlaceOf(registry, repository)),
      })
      return checkLogin(session, { registry, repository })
    },
    reconsider() {
      dialer.forgive()
      distrust.forget()
    },
    standings: () => dialer.standings().map((one) => ({ ...one, host: registryOf(one.host) })),
  }
}

/** Which part of a place a session is for, where it is not its repository. */
type Asked = Pick<SessionOptions, 'repository' | 'scope'>

const namesBelow = (path: string, names: readonly string[]): readonly string[] =>
  names.filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1))
