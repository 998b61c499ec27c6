import type { Credential } from '../../remote/login/credentials.ts'
import type { Desk } from '../listing/desk.ts'
import { OddShapeError } from '../listing/errors.ts'
import { objectOf } from '../listing/json.ts'
import { Learned, type Lesson } from '../listing/learned.ts'

/** A login lasts ten minutes: given up early enough that none expires on its way. */
const LOGIN_TIME = 9 * 60_000
/** Milliseconds that a refusal is believed: repeated bad logins get an address blocked. */
const REFUSAL_TIME = 3_600_000
const TOKEN = /^[\x21-\x7e]{1,8192}$/

/**
 * Logins at Docker Hub's own interface, each made once however many ask, and kept while it lasts.
 * Source: Docker Hub API, `POST /v2/auth/token`.
 */
export class DockerHubLogins {
  readonly #tokens: Learned<string | null>

  /** Keeps so many. */
  constructor(size: number) {
    this.#tokens = new Learned(size)
  }

  /** The token; null where there is nothing to sign in with, and where the login was refused. Throws as a desk does. */
  async get(url: URL, credential: Credential | null, desk: Desk): Promise<string | null> {
    if (credential?.secret.kind !== 'password') return null
    const { username: identifier, password: secret } = credential.secret
    return this.#tokens.get(keyOf(url, credential), desk, () => signIn(url, { identifier, secret }, desk))
  }

  /** Forgets a token that the interface does not take any more. */
  forget(url: URL, credential: Credential): void {
    this.#tokens.forget(keyOf(url, credential))
  }
}

const keyOf = ({ href }: URL, { id }: Credential): string => `${href} ${id}`

async function signIn(
  url: URL,
  login: { readonly identifier: string; readonly secret: string },
  desk: Desk,
): Promise<Lesson<string | null>> {
  const question = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login),
    mayRepeat: true,
    shown: [login.secret],
  } as const
  const answer = await desk.dial(url, question)
  if (answer.status === 401 || answer.status === 403) return { value: null, until: desk.now() + REFUSAL_TIME }
  const { access_token: token } = objectOf(
    await desk.jsonOf(url, answer, question),
    'the answer to the login',
  )
  // what else stood there could add a header of its own
  if (typeof token !== 'string' || !TOKEN.test(token)) throw new OddShapeError('its login gives no token')
  return { value: token, until: desk.now() + LOGIN_TIME }
}
