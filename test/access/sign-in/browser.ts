import { createAuditLog } from '../../../src/access/audit/audit-log.ts'
import { createPrincipalRights } from '../../../src/access/grant/principal-rights.ts'
import { createAccessChanges } from '../../../src/access/identity/access-changes.ts'
import { secretInCookies, sessionCookie } from '../../../src/access/identity/session-cookie.ts'
import { createSessions } from '../../../src/access/identity/sessions.ts'
import { createUsers } from '../../../src/access/identity/users.ts'
import { UnauthenticatedError } from '../../../src/access/right/errors.ts'
import type { SignInRequest, SignInResponse } from '../../../src/access/sign-in/messages.ts'
import { createProvider, type ProviderSettings } from '../../../src/access/sign-in/provider.ts'
import { createSignIn } from '../../../src/access/sign-in/sign-in.ts'
import { createStoredCredentials } from '../../../src/access/token/stored-credentials.ts'
import { openDatabase } from '../../../src/db/open.ts'
import { createEgress, type EgressOptions } from '../../../src/egress/egress.ts'
import { createEgressFetch } from '../../../src/egress/fetch.ts'
import { createSealer } from '../../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys } from '../../../src/secrets/sealing-key.ts'

export const PUBLIC_URL = 'http://localhost:4000'

interface SignInServerOptions {
  readonly provider?: Partial<ProviderSettings> & Pick<ProviderSettings, 'issuer'>
  readonly egress?: Partial<EgressOptions>
  readonly isSecure?: boolean
  readonly publicUrl?: string
}

/** The pages and endpoints of a server, with its people and sessions, without a network in front of them. */
export function openSignIn({
  provider: settings,
  egress: options,
  isSecure = false,
  publicUrl = PUBLIC_URL,
}: SignInServerOptions = {}) {
  let time = Date.now()
  const now = (): number => time
  const db = openDatabase(':memory:')
  const changes = createAccessChanges()
  const audit = createAuditLog({
    db,
    now,
    onError: (error) => {
      throw error
    },
  })
  const parts = { db, audit, changes, now }
  const { rightsOf } = createPrincipalRights(parts)
  const users = createUsers(parts)
  const stored = createStoredCredentials(db)
  const egress = createEgress({ loopback: true, ...options })
  const cookie = sessionCookie({ isSecure })
  const provider =
    settings &&
    createProvider({
      settings: { clientId: 'streams', clientSecret: null, groupsClaim: 'groups', ...settings },
      fetch: createEgressFetch(egress, { maxBytes: 256 * 1024, timeout: 10_000 }),
      now,
    })
  const signIn = createSignIn({
    ...parts,
    users,
    sessions: createSessions(parts),
    rightsOf,
    cookie,
    viewerOf({ cookie: header }, client) {
      const credential = stored.form(secretInCookies(cookie, header) ?? '')
      if (!credential) throw new UnauthenticatedError()
      const { principal: id, name } = credential
      return { id, name, rights: rightsOf(id), ...client }
    },
    provider,
    sealer: createSealer(parseSealingKeys(newSealingKey(), 'test')),
    publicUrl: () => publicUrl,
    isSecure,
  })
  return {
    db,
    audit,
    users,
    signIn,
    credentials: stored,
    later: (milliseconds: number) => {
      time += milliseconds
    },
    browser: () => new Browser(signIn.handle),
    async [Symbol.asyncDispose]() {
      await egress[Symbol.asyncDispose]()
      db[Symbol.dispose]()
    },
  }
}

/** A browser: keeps cookies and sends them back. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #handle: (request: SignInRequest) => Promise<SignInResponse>

  constructor(handle: (request: SignInRequest) => Promise<SignInResponse>) {
    this.#handle = handle
  }

  get = (url: string, more: Partial<SignInRequest> = {}): Promise<SignInResponse> =>
    this.#send('GET', url, {}, more)

  post = (
    url: string,
    form: Readonly<Record<string, string>> = {},
    more: Partial<SignInRequest> = {},
  ): Promise<SignInResponse> => this.#send('POST', url, form, more)

  /** Signs in at the provider, and returns the response of the callback. */
  async signIn(to = '/'): Promise<SignInResponse> {
    return this.get(await this.callbackUrl(to))
  }

  /** Signs in at the provider, and returns the address to which it sends the browser back. */
  async callbackUrl(to = '/'): Promise<string> {
    const { status, headers, body } = await this.get(`/sign-in?${new URLSearchParams({ to })}`)
    if (status !== 303) throw new Error(body)
    const response = await fetch(String(headers.Location), { redirect: 'manual' })
    return response.headers.get('location') ?? ''
  }

  async #send(
    method: string,
    address: string,
    form: Readonly<Record<string, string>>,
    more: Partial<SignInRequest>,
  ): Promise<SignInResponse> {
    const url = new URL(address, PUBLIC_URL)
    const response = await this.#handle({
      method,
      path: url.pathname,
      query: url.searchParams,
      form: new URLSearchParams(form),
      cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') || undefined,
      host: url.host,
      isOverTls: false,
      isOwnPage: true,
      client: { address: '127.0.0.1', requestId: 'r-1' },
      ...more,
    })
    for (const header of [response.headers['set-cookie'] ?? response.headers['Set-Cookie'] ?? []].flat()) {
      const [pair = '', ...attributes] = String(header).split('; ')
      const [name = '', value = ''] = pair.split('=')
      if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }
}
