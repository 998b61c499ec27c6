import type { RegistryError } from '../../oci/registry-error.ts'
import type { Credential } from '../../remote/login/credentials.ts'
import type { ApiResponse, RegistryApiRequest, VendorApi } from '../../remote/session/vendor-api.ts'
import { OddShapeError, TooLongError } from './errors.ts'
import { parseJson } from './json.ts'
import type { VendorLimits } from './limits.ts'

/** A question to an address of the vendor's. */
export interface Question {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Whether it may be asked again in one listing: a login, and no page. */
  readonly mayRepeat?: boolean
  /** Among the headers or in the body, and never to appear in a message. */
  readonly shown?: readonly string[]
}

/** As whom the token names; as anybody without. */
export const bearing = (token: string | null): Question =>
  token === null ? {} : { headers: { authorization: `Bearer ${token}` }, shown: [token] }

export interface DeskOptions {
  readonly api: VendorApi
  /** Where the vendor's own interface is, when somebody said so. */
  readonly apiUrl: URL | null
  readonly limits: VendorLimits
}

/** Asks what one listing needs, within its limits, and nothing twice. */
export class Desk {
  readonly limits: VendorLimits
  readonly #api: VendorApi
  readonly #apiUrl: URL | null
  readonly #deadline: number
  readonly #asked = new Set<string>()
  #requests = 0

  constructor({ api, apiUrl, limits }: DeskOptions) {
    this.limits = limits
    this.#api = api
    this.#apiUrl = apiUrl
    this.#deadline = api.clock.now() + limits.listingTime
  }

  get registry(): string {
    return this.#api.registry
  }

  get repository(): string {
    return this.#api.repository
  }

  get signal(): AbortSignal {
    return this.#api.signal
  }

  now(): number {
    return this.#api.clock.now()
  }

  credential(): Promise<Credential | null> {
    return this.#api.credential()
  }

  /** Where the registry answers. */
  origin(): Promise<URL> {
    return this.#api.origin()
  }

  /** An address below the vendor's own interface, which is `usual` unless somebody said where it is. */
  at(usual: URL | string, path: string): URL {
    const base = new URL(this.#apiUrl ?? usual)
    const url = new URL(base)
    const [pathname = '', query = ''] = path.split('?', 2)
    url.pathname = base.pathname.replace(/\/+$/, '') + pathname
    url.search = query
    return url
  }

  /** An address at the registry's own host, or where somebody said that the interface is. */
  async atRegistry(path: string, folder = ''): Promise<URL> {
    return this.at(this.#apiUrl ?? new URL(folder, await this.origin()), path)
  }

  /** What the registry itself answers, with its own tokens. Throws RegistryError for what is not one of `statuses`. */
  async ask(
    request: Pick<RegistryApiRequest, 'path' | 'body' | 'scope'> & {
      readonly headers?: Readonly<Record<string, string>>
    },
    statuses: readonly number[] = [200],
  ): Promise<ApiResponse> {
    this.#count(`${request.path}\n${request.body ?? ''}`)
    const answer = await this.#api.requestRegistry({
      ...request,
      method: request.body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', ...request.headers },
      maxBytes: this.limits.pageBytes,
    })
    if (statuses.includes(answer.status)) return answer
    throw await this.#api.responseError(await this.#api.origin(), answer)
  }

  /** What the address answers, whatever it is. */
  async dial(
    url: URL,
    { method = 'GET', headers = {}, body, mayRepeat = false, shown = [] }: Question = {},
  ): Promise<ApiResponse> {
    this.#count(`${url.href}\n${headers.authorization ?? ''}\n${body ?? ''}`, mayRepeat)
    // what it has against one account is held against that one alone
    const account = shown.length > 0 ? (await this.credential())?.id : undefined
    return this.#api.requestUrl(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      ...(body !== undefined && { body }),
      ...(account !== undefined && { account }),
      maxBytes: this.limits.pageBytes,
    })
  }

  /** The JSON that the address answers. Throws RegistryError unless it is a 200, OddShapeError for what is no JSON. */
  async read(url: URL, question: Question = {}): Promise<unknown> {
    return this.jsonOf(url, await this.dial(url, question), question)
  }

  /** The JSON of the address's answer. Throws RegistryError unless it is a 200, OddShapeError for what is no JSON. */
  async jsonOf(url: URL, answer: ApiResponse, question: Question = {}): Promise<unknown> {
    if (answer.status !== 200) throw await this.refusal(url, answer, question)
    return parseJson(answer)
  }

  /** The error for an answer that is not what was asked for. */
  refusal(url: URL, answer: ApiResponse, { shown = [] }: Question = {}): Promise<RegistryError> {
    return this.#api.responseError(url, answer, shown)
  }

  #count(question: string, mayRepeat = false): void {
    if (this.#asked.has(question) && !mayRepeat) {
      throw new OddShapeError('it leads back to pages that were read already')
    }
    this.#asked.add(question)
    this.#requests += 1
    if (this.#requests > this.limits.requests) {
      throw new TooLongError(`it takes more than ${this.limits.requests} requests`)
    }
    if (this.now() > this.#deadline) throw new TooLongError('it takes more time than there is for it')
  }
}
