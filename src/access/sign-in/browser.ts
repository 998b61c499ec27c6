import { createHash, randomBytes } from 'node:crypto'
import { cookieOver, type SessionCookie, secretInCookies, setCookie } from '../identity/session-cookie.ts'
import { UnauthenticatedError } from '../right/errors.ts'
import type { BegunSessions } from './begun-sessions.ts'
import { SignInError } from './errors.ts'
import { message, redirect, type SignInRequest, type SignInResponse } from './messages.ts'
import { ownPath } from './own-path.ts'
import { CALLBACK_PATH, SIGN_IN_PATH } from './paths.ts'
import type { Provider, SignInChecks } from './provider.ts'
import type { SealedTexts } from './sealed-texts.ts'

interface BrowserSignInDependencies {
  /** Undefined for a server whose people have no provider. */
  readonly provider: Provider | undefined
  readonly begun: BegunSessions
  readonly sealed: SealedTexts
  /** Whether browsers reach this server by HTTPS. */
  readonly isSecure: boolean
  /** Origin under which browsers reach this server. */
  readonly publicUrl: () => string
}

/** Milliseconds for a person to sign in at the provider. */
const STATE_LIFETIME = 10 * 60_000

const STATUSES = { unavailable: 503, refused: 403, invalid: 400, outdated: 400 } as const

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/

const random = (): string => randomBytes(32).toString('base64url')

/** Creates the sign-in of people in a browser: authorization code with PKCE. Source: RFC 9700 §2.1, OpenID Connect Core 1.0 §3.1. */
export function createBrowserSignIn(dependencies: BrowserSignInDependencies) {
  const { provider, begun, sealed, isSecure, publicUrl } = dependencies
  const stateCookie: SessionCookie = { name: `${isSecure ? '__Host-' : ''}imagestreams-sign-in`, isSecure }
  const redirectUri = (): string => `${publicUrl()}${CALLBACK_PATH}`

  const failed = (error: unknown, { client }: SignInRequest, to: string): SignInResponse => {
    if (error instanceof UnauthenticatedError) {
      begun.failed(client, error)
      return message(403, 'Not signed in', error.message)
    }
    if (!(error instanceof SignInError)) throw error
    begun.failed(client, error)
    const again = { path: signInPath(to), text: 'Sign in again' }
    const page = message(STATUSES[error.problem], 'Not signed in', error.message, again)
    return { ...page, headers: { ...page.headers, 'Set-Cookie': [setCookie(stateCookie)] } }
  }

  /** Opens the state of a sign-in, which only this server could seal. */
  const stateOf = ({ cookie }: SignInRequest) => {
    const state = sealed.open('sign-in cookie', secretInCookies(stateCookie, cookie) ?? '')
    return state as (SignInChecks & { readonly to: string }) | undefined
  }

  return {
    /** Sends the browser to the provider, and remembers where it wants to go. */
    async begin(request: SignInRequest): Promise<SignInResponse> {
      const to = ownPath(request.query.get('to'))
      if (!provider) {
        const text =
          'This server has no sign-in provider: the first admin uses the link that the server prints at its start, programs an access token.'
        return message(404, 'No sign-in provider', text)
      }
      const elsewhere = otherLoopbackName(request.host, publicUrl())
      if (elsewhere !== undefined) return redirect(`${elsewhere}${signInPath(to)}`)
      const checks: SignInChecks = { state: random(), nonce: random(), verifier: random() }
      const challenge = createHash('sha256').update(checks.verifier).digest('base64url')
      try {
        const url = await provider.signInUrl(redirectUri(), checks, challenge)
        const secret = sealed.seal('sign-in cookie', { ...checks, to }, STATE_LIFETIME)
        const cookie = cookieOver(request.isOverTls, stateCookie)
        return redirect(url, [setCookie(cookie, { secret, maxAge: STATE_LIFETIME / 1000 })])
      } catch (error) {
        return failed(error, request, to)
      }
    },

    /** Begins the session of a person whom the provider has sent back. */
    async callback(request: SignInRequest): Promise<SignInResponse> {
      const state = stateOf(request)
      const to = ownPath(state?.to)
      try {
        if (!state || !provider || request.query.get('state') !== state.state) {
          throw new SignInError(
            'outdated',
            'this sign-in took too long, was finished already, or began in another browser or window',
          )
        }
        const callback = new URL(`${redirectUri()}?${request.query}`)
        const person = await provider.signedIn(callback, state)
        return redirect(to, [begun.inBrowser(person, request), setCookie(stateCookie)])
      } catch (error) {
        return failed(error, request, to)
      }
    },
  }
}

/** Returns the path at which a person signs in to go to another one. */
export const signInPath = (to: string): string => `${SIGN_IN_PATH}?${new URLSearchParams({ to })}`

/**
 * Returns the origin at which a sign-in has to begin, if the browser uses another name of this machine: the provider sends it back to
 * that origin, where it has no cookies of this one.
 */
function otherLoopbackName(host: string | undefined, publicUrl: string): string | undefined {
  const { protocol, host: own } = new URL(publicUrl)
  // a proxy that adds TLS may pass on another name each time
  if (protocol !== 'http:') return undefined
  const isOther = host !== undefined && host !== own && LOOPBACK.test(host) && LOOPBACK.test(own)
  return isOther ? publicUrl : undefined
}
