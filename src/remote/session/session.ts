import type { Clock } from '../../concurrency/clock.ts'
import { ConnectionError, EgressTimeoutError, TlsError } from '../../egress/errors.ts'
import type { EgressResponse, StreamLimits } from '../../egress/exchange.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import { type Authorization, Authorizer, NOBODY } from '../login/authorizer.ts'
import { demandOf, parseChallenges } from '../login/challenge.ts'
import { CloudLoginError } from '../login/cloud-login-error.ts'
import type { CloudLogins } from '../login/cloud-logins.ts'
import type { Credential, Credentials } from '../login/credentials.ts'
import { failure, type Question, refusal, type Subject, said } from '../login/refusal.ts'
import { isLoopbackHost, type RegistryHost } from '../login/registry-host.ts'
import type { TrustedRealms } from '../login/trusted-realm.ts'
import type { HostClient, RequestContext } from '../traffic/host-client.ts'
import { type Followed, follow, RedirectError } from '../traffic/redirect.ts'

/** What an answer is about, for the words of its errors. */
export type Topic = Omit<Question, 'registry' | 'repository'>

/** One request to a registry. */
export interface Ask extends Topic {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** Path and query. */
  readonly path: string
  /** Of a POST, which may be sent again: it asks, and changes nothing. */
  readonly body?: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxBytes: number
  /** The registry takes it from what it still gives. */
  readonly counted?: boolean
  /** Asks for the body of a 200 or 206 as a stream. */
  readonly stream?: StreamLimits
}

export interface SessionOptions {
  readonly registry: string
  readonly repository: string
  /** What a token must allow; reading the repository unless given. */
  readonly scope?: string
  readonly host: RegistryHost
  readonly client: HostClient
  readonly credentials: Credentials
  readonly logins: CloudLogins
  readonly trustedRealms: TrustedRealms
  readonly clock: Clock
  readonly context: RequestContext
}

/** Milliseconds after which a refused token may simply be too old; a younger one says that access is missing. */
const TOKEN_YOUTH = 10_000

/** An answer, whose it is, and whether a credential was shown for it. */
export interface Outcome {
  readonly answer: EgressResponse
  /** `it`, the registry, or its token server. */
  readonly speaker: string
  readonly signedIn: boolean
  /** The token server that the credential was not shown to. */
  readonly withheldFrom: string | undefined
}

const outcomeOf = ({ signedIn, withheldFrom, refused }: Authorization, answer: EgressResponse): Outcome => ({
  answer,
  signedIn,
  withheldFrom,
  speaker: answer === refused ? 'its token server' : 'it',
})

/** How a request is sent, beside what it asks. */
interface Sending {
  readonly origin?: URL
  readonly tentative?: boolean
  /** For somebody who will show a credential. */
  readonly scouting?: boolean
  /** Whose budget the registry takes it from. */
  readonly account?: string
  /** Not for the first request to a host: others wait for its answer, whoever they are. */
  readonly counted?: boolean
}

/** Questions about one repository, asked as whoever may read it. */
export class Session {
  readonly #options: SessionOptions
  #found: Promise<Credential | null> | undefined
  /** Set once reading as anybody was seen to work where the login did not. */
  #anonymous = false
  /** What the login met with: shown again for each tag, a bad one would get this server's address blocked. */
  #refusedLogin: Outcome | CloudLoginError | undefined
  readonly #authorizer: Authorizer

  constructor(options: SessionOptions) {
    this.#options = options
    this.#authorizer = new Authorizer(options)
  }

  get repository(): string {
    return this.#options.repository
  }

  /** For the words of an error about an answer. */
  question({ what, absent, unreadable }: Topic): Question {
    const { registry, repository } = this.#options
    return { registry, repository, what, unreadable, ...(absent !== undefined && { absent }) }
  }

  /** Aborted when the answers are no longer wanted. */
  get signal(): AbortSignal {
    return this.#options.context.signal
  }

  /** The error for a stream that broke, for whatever reason. */
  async failure(topic: Topic, cause: unknown): Promise<RegistryError> {
    return failure(this.question(topic), cause, await this.#secrets())
  }

  /** The error for an answer that is not what was asked for. */
  async refusal(topic: Topic, answer: EgressResponse): Promise<RegistryError> {
    return refusal(await this.#subject(topic), answer)
  }

  /**
   * The answer, unless it says that this server may not, that the registry cannot, or that too much was asked: those
   * are thrown as RegistryError, and so is whatever kept the answer from arriving. 404 and its like are answers.
   */
  async ask(request: Ask): Promise<EgressResponse> {
    const { signal } = this.#options.context
    signal.throwIfAborted()
    try {
      const credential = this.#anonymous ? null : await this.#credential()
      let outcome = await this.#askByLogin(credential, request)
      if (outcome.signedIn && isDenied(outcome.answer)) outcome = await this.#askAsAnybody(request, outcome)
      const { answer, speaker, signedIn, withheldFrom } = outcome
      if (!isFinal(answer.status)) return answer
      throw refusal({ ...(await this.#subject(request)), signedIn, withheldFrom }, answer, speaker)
    } catch (error) {
      signal.throwIfAborted()
      throw failure(this.question(request), error, await this.#secrets())
    }
  }

  /**
   * The answer, whatever it is, to whom the credential names, and to nobody else where that one may not. Throws
   * RegistryError for what kept it from arriving.
   */
  async askSignedIn(request: Ask): Promise<Outcome & { readonly said: string }> {
    const { signal } = this.#options.context
    signal.throwIfAborted()
    try {
      const outcome = await this.#askAs(await this.#credential(), request)
      return { ...outcome, said: said(outcome.answer, outcome.speaker, await this.#secrets()) }
    } catch (error) {
      signal.throwIfAborted()
      throw failure(this.question(request), error, await this.#secrets())
    }
  }

  // Credentials that do not open a repository must not close one that anybody may read.
  async #askAsAnybody(request: Ask, denied: Outcome): Promise<Outcome> {
    if (denied.answer.status === 401) this.#refusedLogin = denied
    const outcome = await this.#askAs(null, request)
    if (isDenied(outcome.answer)) return denied
    this.#anonymous = true
    this.#refusedLogin = undefined
    return outcome
  }

  async #askByLogin(credential: Credential | null, request: Ask): Promise<Outcome> {
    if (this.#refusedLogin instanceof CloudLoginError) throw this.#refusedLogin
    if (this.#refusedLogin) return this.#refusedLogin
    try {
      return await this.#askAs(credential, request)
    } catch (error) {
      // nor must a key that its cloud does not take
      if (!(error instanceof CloudLoginError && error.isRefusal)) throw error
      const outcome = await this.#askAs(null, request)
      if (isDenied(outcome.answer)) {
        this.#refusedLogin = error
        throw error
      }
      this.#anonymous = true
      return outcome
    }
  }

  async #askAs(credential: Credential | null, request: Ask): Promise<Outcome> {
    const { host, context, clock, logins, registry } = this.#options
    const explored =
      host.demand === undefined
        ? await host.explore(() => this.#discover(request, credential !== null), context.signal)
        : undefined
    const before = explored ? NOBODY : await this.#authorize(credential)
    if (before.refused) return outcomeOf(before, before.refused)
    const answer =
      explored ?? (await this.#send(request, before.header, spendingOf(before, credential, request)))
    if (!isDenied(answer)) return outcomeOf(before, answer)

    this.#authorizer.learn(answer, request.path === '/v2/')
    if (credential && before.signedIn) logins.doubt(credential, registry)
    const { token } = before
    // a young token that is refused means no access, and a new one would mean the same
    const isOld = token !== undefined && clock.now() - token.issued >= TOKEN_YOUTH
    const after = await this.#authorize(credential, isOld ? token.value : undefined)
    if (after.refused) return outcomeOf(after, after.refused)
    if (after.header === before.header) return outcomeOf(after, answer)
    return outcomeOf(after, await this.#send(request, after.header, spendingOf(after, credential, request)))
  }

  async #authorize(credential: Credential | null, insteadOf?: string): Promise<Authorization> {
    const authorization = await this.#authorizer.authorize(credential, insteadOf)
    if (credential && authorization.signedIn) credential.onUsed?.()
    if (credential && authorization.refused) this.#options.logins.doubt(credential, this.#options.registry)
    return authorization
  }

  async #subject(topic: Topic): Promise<Subject> {
    return { ...this.question(topic), signedIn: false, secrets: await this.#secrets() }
  }

  async #secrets(): Promise<readonly string[]> {
    const credential = await this.#credential().catch(() => null)
    const { logins, registry } = this.#options
    return credential ? logins.secretsOf(credential, registry) : []
  }

  #credential(): Promise<Credential | null> {
    const { credentials, registry, repository, context } = this.#options
    this.#found ??= credentials.find(registry, repository, context.namespace)
    return this.#found
  }

  async #send(
    { method, path, body, headers, maxBytes, stream }: Ask,
    authorization: string | undefined,
    { origin = this.#options.host.origin, ...sending }: Sending = {},
  ): Promise<EgressResponse> {
    const { client, context, host } = this.#options
    const request = {
      ...{ method, headers, maxBytes, authorization },
      ...(body !== undefined && { body }),
      ...(stream && { stream }),
      ...sending,
    }
    let first: Followed
    try {
      first = await follow(client, new URL(path, origin), request, context)
    } catch (error) {
      if (error instanceof ConnectionError || error instanceof TlsError) host.forget()
      throw error
    }
    if (!first.foreign || first.answer.status < 400) return first.answer
    // Another host's 401 is answered with what that host gives anybody, never with this registry's credentials.
    const abroad = await this.#authorizer.authorizeAbroad(first.url, first.answer)
    const { answer } = abroad
      ? await follow(client, first.url, { ...request, authorization: abroad }, context)
      : first
    if (answer.status >= 400) {
      throw new RedirectError(`the host that it redirects to answered ${answer.status}`)
    }
    return answer
  }

  /** The first answer of a host: finds its scheme, and whether it asks for anything. */
  async #discover(request: Ask, scouting: boolean): Promise<EgressResponse> {
    const { host, context } = this.#options
    const mayFallBack = context.insecure || isLoopbackHost(host.name)
    const attempt = async (protocol: string, tentative: boolean): Promise<EgressResponse> => {
      const origin = new URL(`${protocol}//${host.name}`)
      const answer = await this.#send(request, undefined, { origin, tentative, scouting })
      host.origin = origin
      host.firstResponseHeaders = answer.headers
      return answer
    }
    const answer = await attempt('https:', mayFallBack).catch((error: unknown) => {
      if (!mayFallBack || !speaksNoTls(error, context.insecure)) throw error
      return attempt('http:', false).catch((second: unknown) => {
        // what kept https from being spoken is the news, unless http came further
        throw error instanceof TlsError ? second : error
      })
    })
    const demand = demandOf(parseChallenges(answer.headers['www-authenticate']))
    if (answer.status === 401 && demand) host.demand = demand
    else if (answer.status < 500 && answer.status !== 429) host.demand = 'open'
    return answer
  }
}

const spendingOf = (
  { signedIn }: Authorization,
  credential: Credential | null,
  { counted = false }: Ask,
): Sending => ({ counted, ...(signedIn && credential && { account: credential.id }) })

const isDenied = ({ status }: EgressResponse): boolean => status === 401 || status === 403

// 501 says that the method is unknown, which is worth another try by another method
const isFinal = (status: number): boolean =>
  status === 401 || status === 403 || status === 408 || status === 429 || (status >= 500 && status !== 501)

const speaksNoTls = (error: unknown, insecure: boolean): boolean =>
  error instanceof ConnectionError ||
  (error instanceof TlsError && error.problem === 'protocol') ||
  (insecure && error instanceof EgressTimeoutError && error.phase === 'connect')
