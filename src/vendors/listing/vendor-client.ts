import { basicCredentials } from '../../logins/registry-login.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import type { Credential } from '../../remote/login/credentials.ts'
import type { ApiResponse, RegistryApiRequest, VendorApi } from '../../remote/session/vendor-api.ts'
import { ListingBudget, type VendorLimits } from './budget.ts'
import { parseResponse } from './response.ts'

/** A request to a URL of the vendor's API. */
export interface VendorRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** True when one listing may send it more than once: a login does, a page does not. */
  readonly mayRepeat?: boolean
  /** Secrets in the headers or the body, which are removed from error messages. */
  readonly secrets?: readonly string[]
}

/** Returns a request with a bearer token, an anonymous one for null. */
export const withToken = (token: string | null): VendorRequest =>
  token === null ? {} : { headers: { authorization: `Bearer ${token}` }, secrets: [token] }

/** Returns a request with HTTP basic authentication, an anonymous one without a password. */
export async function withBasic(client: VendorClient): Promise<VendorRequest> {
  const secret = (await client.credential())?.secret
  if (secret?.kind !== 'password') return {}
  const encoded = basicCredentials(secret.username, secret.password)
  return { headers: { authorization: `Basic ${encoded}` }, secrets: [encoded, secret.password] }
}

/** Sends the requests of one listing, within its limits, each once. */
export class VendorClient {
  readonly registry: string
  readonly repository: string
  readonly signal: AbortSignal
  readonly limits: VendorLimits
  readonly #api: VendorApi
  readonly #apiUrl: URL | null
  readonly #budget: ListingBudget

  /** `apiUrl` is the configured base URL of the vendor's API; null for the default. */
  constructor(api: VendorApi, apiUrl: URL | null, limits: VendorLimits) {
    this.registry = api.registry
    this.repository = api.repository
    this.signal = api.signal
    this.limits = limits
    this.#api = api
    this.#apiUrl = apiUrl
    this.#budget = new ListingBudget(limits, () => this.now())
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#api.clock.now()
  }

  credential(): Promise<Credential | null> {
    return this.#api.credential()
  }

  /** Returns the URL of a path below the configured base URL, or else below `defaultUrl`. */
  urlOf(path: string, defaultUrl: URL | string): URL {
    const base = new URL(this.#apiUrl ?? defaultUrl)
    const url = new URL(base)
    const [pathname = '', query = ''] = path.split('?', 2)
    url.pathname = base.pathname.replace(/\/+$/, '') + pathname
    url.search = query
    return url
  }

  /** Returns the URL of a path below the configured base URL, or else below a folder of the registry's own host. */
  async registryUrlOf(path: string, folder = ''): Promise<URL> {
    return this.urlOf(path, this.#apiUrl ?? new URL(folder, await this.#api.origin()))
  }

  /** Sends a request to the registry itself, with its own tokens. Throws RegistryError unless the status is one of `statuses`. */
  async requestRegistry(
    request: Pick<RegistryApiRequest, 'path' | 'body' | 'scope'> & {
      readonly headers?: Readonly<Record<string, string>>
    },
    statuses: readonly number[] = [200],
  ): Promise<ApiResponse> {
    this.#budget.spend(`${request.path}\n${request.body ?? ''}`)
    const response = await this.#api.requestRegistry({
      ...request,
      method: request.body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', ...request.headers },
      maxBytes: this.limits.pageBytes,
    })
    if (statuses.includes(response.status)) return response
    throw await this.#api.responseError(await this.#api.origin(), response)
  }

  /** Sends a request to a URL. Returns the response, also one with an error status. */
  async request(
    url: URL,
    { method = 'GET', headers = {}, body, mayRepeat = false, secrets = [] }: VendorRequest = {},
  ): Promise<ApiResponse> {
    this.#budget.spend(`${url.href}\n${headers.authorization ?? ''}\n${body ?? ''}`, mayRepeat)
    // a rate limit of one account does not limit the others
    const account = secrets.length > 0 ? (await this.credential())?.id : undefined
    return this.#api.requestUrl(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      ...(body !== undefined && { body }),
      ...(account !== undefined && { account }),
      maxBytes: this.limits.pageBytes,
    })
  }

  /** Parses the response of a URL. Throws RegistryError unless the status is 200, OddShapeError unless it is JSON. */
  async jsonOf(url: URL, response: ApiResponse, request: VendorRequest = {}): Promise<unknown> {
    if (response.status !== 200) throw await this.errorOf(url, response, request)
    return parseResponse(response)
  }

  /** Returns the error for a response with an unexpected status. */
  errorOf(url: URL, response: ApiResponse, { secrets = [] }: VendorRequest = {}): Promise<RegistryError> {
    return this.#api.responseError(url, response, secrets)
  }
}
