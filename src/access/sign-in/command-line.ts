import { createHash } from 'node:crypto'
import type { Database } from '../../db/open.ts'
import { createOneTimeSecrets } from '../identity/one-time-secrets.ts'
import type { BegunSessions } from './begun-sessions.ts'
import { signInPath } from './browser.ts'
import { type Granted, TokenRequestError } from './code-exchange.ts'
import { confirmation, message, redirect, type SignInRequest, type SignInResponse } from './messages.ts'
import { COMMAND_LINE_PATH } from './paths.ts'

interface CommandLineDependencies {
  readonly db: Database
  readonly begun: BegunSessions
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What a program on the person's machine asks for. Source: RFC 7636 §4.3, RFC 8252 §7.3. */
interface CommandLineRequest {
  /** Address at which the program waits, on the same machine. */
  readonly redirect_uri: string
  readonly code_challenge: string
  readonly state: string
}

/** What a code stands for. */
interface Allowed extends Granted {
  readonly redirectUri: string
  readonly challenge: string
}

/** Milliseconds from the person's answer until the program exchanges its code. */
const CODE_LIFETIME = 60_000
const CHALLENGE = /^[\w-]{43}$/
const VERIFIER = /^[\w.~-]{43,128}$/
const MAX_STATE = 500

/** Creates the sign-in of a program on the machine of the browser: authorization code with PKCE and a redirect to loopback. */
export function createCommandLineSignIn({ db, begun, now }: CommandLineDependencies) {
  const codes = createOneTimeSecrets(db, now)
  return {
    /** Asks the person, after they have signed in. */
    async ask(request: SignInRequest): Promise<SignInResponse> {
      const asked = requestIn(request.query)
      if (!asked) return notUnderstood()
      const person = await begun.personOf(request)
      if (!person) return redirect(signInPath(`${COMMAND_LINE_PATH}?${request.query}`))
      return confirmation(
        {
          title: 'Sign in at the command line?',
          text: `A program on this computer wants to act as ${person.viewer.name}. Allow this only if you have just started it.`,
          action: COMMAND_LINE_PATH,
          fields: { ...asked, code_challenge_method: 'S256' },
        },
        new URL(asked.redirect_uri).origin,
      )
    },

    /** Sends the program its code, or that the person denies. */
    async answer(request: SignInRequest): Promise<SignInResponse> {
      const asked = requestIn(request.form)
      if (!asked) return notUnderstood()
      const person = await begun.personOf(request)
      if (!person) return redirect(signInPath(`${COMMAND_LINE_PATH}?${new URLSearchParams({ ...asked })}`))
      const { redirect_uri, code_challenge: challenge, state } = asked
      if (request.form.get('answer') !== 'allow')
        return redirect(withParameters(redirect_uri, { error: 'access_denied', state }))
      const content: Allowed = { userId: person.userId, redirectUri: redirect_uri, challenge }
      const code = db.transact((tx) => codes.create(tx, 'COMMAND_LINE', content, CODE_LIFETIME))
      return redirect(withParameters(redirect_uri, { code, state }))
    },

    /** Exchanges the code, once, whatever becomes of it. Throws TokenRequestError. */
    exchange(form: URLSearchParams): Granted {
      const taken = db.transact((tx) => codes.take(tx, 'COMMAND_LINE', form.get('code') ?? ''))
      const allowed = taken?.content as Allowed | undefined
      const verifier = form.get('code_verifier') ?? ''
      const isValid =
        allowed &&
        VERIFIER.test(verifier) &&
        createHash('sha256').update(verifier).digest('base64url') === allowed.challenge &&
        form.get('redirect_uri') === allowed.redirectUri
      if (!isValid) {
        throw new TokenRequestError(
          'invalid_grant',
          'the code is unknown, used or too old, or does not belong to this redirect_uri and code_verifier',
        )
      }
      return { userId: allowed.userId }
    },
  }
}

/** Returns what a program asks for; undefined for a request that is not as RFC 8252 describes it. */
function requestIn(parameters: URLSearchParams): CommandLineRequest | undefined {
  const [redirectUri = '', challenge = '', state = ''] = ['redirect_uri', 'code_challenge', 'state'].map(
    (name) => parameters.get(name) ?? '',
  )
  const isValid =
    isLoopback(redirectUri) &&
    CHALLENGE.test(challenge) &&
    parameters.get('code_challenge_method') === 'S256' &&
    state.length <= MAX_STATE
  return isValid ? { redirect_uri: redirectUri, code_challenge: challenge, state } : undefined
}

/** Reports whether the address is one of this machine: an IP address, which no name server decides about. */
function isLoopback(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname, port, username, password, hash } = new URL(uri)
  const isBare = username === '' && password === '' && hash === '' && port !== ''
  return protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(hostname) && isBare
}

function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(uri)
  for (const [name, value] of Object.entries(parameters)) if (value !== '') url.searchParams.set(name, value)
  return url.href
}

const notUnderstood = (): SignInResponse =>
  message(
    400,
    'Not signed in',
    'The program sent parameters that are not valid: redirect_uri is http://127.0.0.1:<port>/… or http://[::1]:<port>/…, ' +
      'code_challenge is 43 characters, code_challenge_method is S256.',
  )
