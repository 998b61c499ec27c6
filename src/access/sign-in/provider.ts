import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
} from 'openid-client'
import { SharedCache } from '../../concurrency/cache.ts'
import type { Fetch } from '../../egress/fetch.ts'
import type { ReportedUser } from '../identity/users.ts'
import { SignInError } from './errors.ts'
import { reportedUser } from './person.ts'
import { callbackError, discoveryError } from './provider-errors.ts'

/** This server, as it is registered at the OpenID provider of the team. */
export interface ProviderSettings {
  readonly issuer: URL
  readonly clientId: string
  /** Null for a public client, which has none. */
  readonly clientSecret: string | null
  /** Claim with the names of a person's groups; a JSON pointer for a claim inside of others. */
  readonly groupsClaim: string
}

/** What ties a callback to the browser that began to sign in. */
export interface SignInChecks {
  readonly state: string
  readonly nonce: string
  /** Verifier of the code challenge (PKCE). */
  readonly verifier: string
}

interface ProviderDependencies {
  readonly settings: ProviderSettings
  readonly fetch: Fetch
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The OpenID provider of the team. */
export type Provider = ReturnType<typeof createProvider>

/** Milliseconds after which the provider's configuration is fetched again. */
const CONFIGURATION_IS_FRESH_FOR = 3_600_000
const SCOPES = ['openid', 'profile', 'email']

/** Creates the client of the provider, which is requested first when a person signs in: without it the server starts all the same. */
export function createProvider({ settings, fetch, now }: ProviderDependencies) {
  const configurations = new SharedCache<Configuration>(1)
  const { signal } = new AbortController()

  async function configuration(): Promise<Configuration> {
    try {
      return await configurations.get('', { signal, now }, async () => ({
        value: await discovered(settings, fetch),
        until: now() + CONFIGURATION_IS_FRESH_FOR,
      }))
    } catch (error) {
      const known = configurations.last('')
      if (known) return known
      throw discoveryError(error)
    }
  }

  return {
    /** Returns the address at which the person signs in. `challenge` is that of the verifier. Throws SignInError. */
    async signInUrl(
      redirectUri: string,
      { state, nonce }: Pick<SignInChecks, 'state' | 'nonce'>,
      challenge: string,
    ): Promise<string> {
      const config = await configuration()
      const supported = config.serverMetadata().scopes_supported
      // most providers have no scope for groups, and refuse what they do not have
      const scopes = supported?.includes('groups') ? [...SCOPES, 'groups'] : SCOPES
      return buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state,
        nonce,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      }).href
    },

    /** Exchanges the code in the address of a callback, and returns who has signed in. Throws SignInError. */
    async signedIn(callback: URL, { state, nonce, verifier }: SignInChecks): Promise<ReportedUser> {
      const config = await configuration()
      try {
        const tokens = await authorizationCodeGrant(config, callback, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        })
        const claims = tokens.claims()
        if (!claims) throw new SignInError('invalid', 'the sign-in provider returned no identity')
        const { groupsClaim } = settings
        const isComplete = reportedUser(claims, groupsClaim).groups.length > 0
        const more =
          isComplete || config.serverMetadata().userinfo_endpoint === undefined
            ? {}
            : await fetchUserInfo(config, tokens.access_token, claims.sub)
        return reportedUser({ ...more, ...claims }, groupsClaim)
      } catch (error) {
        throw callbackError(error)
      }
    },
  }
}

function discovered(
  { issuer, clientId, clientSecret }: ProviderSettings,
  fetch: Fetch,
): Promise<Configuration> {
  const isPlain = issuer.protocol === 'http:'
  return discovery(issuer, clientId, {}, authenticationWith(clientSecret), {
    [customFetch]: fetch,
    // the signature of an ID token is verified although it comes from the provider itself
    execute: [enableNonRepudiationChecks, ...(isPlain ? [allowInsecureRequests] : [])],
  })
}

/** Returns how this server authenticates at the token endpoint, by a method that the provider supports. */
function authenticationWith(secret: string | null): ClientAuth {
  if (secret === null) return None()
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)]
  return (server, ...rest) => {
    // OpenID Connect Discovery 1.0 §3: the default is client_secret_basic
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    return (methods.includes('client_secret_basic') ? basic : post)(server, ...rest)
  }
}
