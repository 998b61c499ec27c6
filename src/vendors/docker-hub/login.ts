import { type CachedValue, SharedCache } from '../../concurrency/cache.ts'
import type { Credential } from '../../remote/login/credentials.ts'
import { OddShapeError } from '../listing/errors.ts'
import { objectOf } from '../listing/response.ts'
import type { VendorClient } from '../listing/vendor-client.ts'

/** Milliseconds for which a token is used: less than its ten minutes, so that it does not expire in a request. */
const TOKEN_TIME = 9 * 60_000
/** Milliseconds for which a refusal is cached: Docker Hub blocks addresses after repeated bad logins. */
const REFUSAL_TIME = 3_600_000
const TOKEN = /^[\x21-\x7e]{1,8192}$/

/** Tokens of Docker Hub's API, cached by account. Source: Docker Hub API, `POST /v2/auth/token`. */
export class DockerHubLogins {
  readonly #tokens: SharedCache<string | null>

  /** Keeps at most `max` tokens. */
  constructor(max: number) {
    this.#tokens = new SharedCache(max)
  }

  /** Returns a token; null without a password, and after a refused login. Throws as VendorClient does. */
  async get(url: URL, credential: Credential | null, client: VendorClient): Promise<string | null> {
    if (credential?.secret.kind !== 'password') return null
    const { username: identifier, password: secret } = credential.secret
    return this.#tokens.get(keyOf(url, credential), client, () => logIn(url, { identifier, secret }, client))
  }

  /** Deletes a token that the API refuses. */
  delete(url: URL, credential: Credential): void {
    this.#tokens.expire(keyOf(url, credential))
  }
}

const keyOf = ({ href }: URL, { id }: Credential): string => `${href} ${id}`

async function logIn(
  url: URL,
  login: { readonly identifier: string; readonly secret: string },
  client: VendorClient,
): Promise<CachedValue<string | null>> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login),
    mayRepeat: true,
    secrets: [login.secret],
  } as const
  const response = await client.request(url, request)
  if (response.status === 401 || response.status === 403) {
    return { value: null, until: client.now() + REFUSAL_TIME }
  }
  const json = await client.jsonOf(url, response, request)
  const { access_token: token } = objectOf(json, 'the response to the login')
  // other characters could add a header to requests
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    throw new OddShapeError('the response to the login has no token')
  }
  return { value: token, until: client.now() + TOKEN_TIME }
}
