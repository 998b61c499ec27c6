import { TokenBuckets } from '../../concurrency/token-bucket.ts'
import type { Database } from '../../db/open.ts'
import type { BegunSessions } from './begun-sessions.ts'
import { signInPath } from './browser.ts'
import { type Granted, TokenRequestError } from './code-exchange.ts'
import { createDeviceAnswers } from './device-answers.ts'
import {
  codeRequest,
  confirmation,
  json,
  message,
  redirect,
  type SignInRequest,
  type SignInResponse,
} from './messages.ts'
import { DEVICE_PATH } from './paths.ts'
import type { SealedTexts } from './sealed-texts.ts'
import { LIFETIME, newUserCode, parseUserCode } from './user-code.ts'

interface DeviceDependencies {
  readonly db: Database
  readonly begun: BegunSessions
  readonly sealed: SealedTexts
  readonly publicUrl: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Seconds between two requests of a program that waits. */
const INTERVAL = 5

/**
 * Creates the sign-in of programs on machines without a browser. The device code contains the code that the person enters, sealed, so
 * that nothing is stored for a program until a person has answered. Source: RFC 8628.
 */
export function createDeviceSignIn({ db, begun, sealed, publicUrl, now }: DeviceDependencies) {
  const stored = createDeviceAnswers(db, now)
  // a little faster than the interval: requests of a program arrive late or early
  const polls = new TokenBuckets({ capacity: 1, perSecond: 1 / (INTERVAL - 1) }, now)
  const answers = new TokenBuckets({ capacity: 10, perSecond: 1 / 30 }, now)

  return {
    /** Returns the codes of a program that begins to sign in. */
    start(): SignInResponse {
      const userCode = newUserCode(now())
      const page = `${publicUrl()}${DEVICE_PATH}`
      return json(200, {
        device_code: sealed.seal('device code', { userCode }, LIFETIME),
        user_code: userCode,
        verification_uri: page,
        verification_uri_complete: `${page}?user_code=${userCode}`,
        expires_in: LIFETIME / 1000,
        interval: INTERVAL,
      })
    },

    /** Asks the person for the code, and whether the program may act as them. */
    async ask(request: SignInRequest): Promise<SignInResponse> {
      const person = await begun.personOf(request)
      if (!person) return redirect(signInPath(`${DEVICE_PATH}?${request.query}`))
      const entered = request.query.get('user_code')
      if (entered === null) return codeRequest(200, TITLE, ENTER, DEVICE_PATH)
      const code = parseUserCode(entered, now())
      if (code === undefined) return codeRequest(400, TITLE, WRONG, DEVICE_PATH)
      return confirmation({
        title: 'Sign in at the command line?',
        text: `A program wants to act as ${person.viewer.name}. Allow this only if you have started it yourself and it shows this code:`,
        action: DEVICE_PATH,
        fields: { user_code: code },
        code,
      })
    },

    /** Stores the person's answer for the program. */
    async answer(request: SignInRequest): Promise<SignInResponse> {
      const person = await begun.personOf(request)
      if (!person) return redirect(DEVICE_PATH)
      if (answers.take(person.userId) > 0) {
        return message(429, 'Too many codes', 'Wait a minute before you enter another code.')
      }
      const code = parseUserCode(request.form.get('user_code') ?? '', now())
      if (code === undefined) return codeRequest(400, TITLE, WRONG, DEVICE_PATH)
      const isAllowed = request.form.get('answer') === 'allow'
      const answer = { userId: isAllowed ? person.userId : null }
      db.transact((tx) => stored.add(tx, code, answer, LIFETIME))
      return isAllowed
        ? message(200, 'Signed in', 'The program continues. You can close this page.')
        : message(200, 'Denied', 'The program is not signed in. You can close this page.')
    },

    /** Exchanges a device code for the person's answer. Throws TokenRequestError, also while there is none. */
    exchange(form: URLSearchParams): Granted {
      const userCode = sealed.open('device code', form.get('device_code') ?? '')?.userCode
      if (typeof userCode !== 'string') {
        throw new TokenRequestError('expired_token', 'the device code is unknown or too old: begin again')
      }
      if (polls.take(userCode) > 0) {
        throw new TokenRequestError('slow_down', `wait ${INTERVAL} seconds between two requests`)
      }
      const answer = db.transact((tx) => stored.take(tx, userCode))
      if (!answer) throw new TokenRequestError('authorization_pending', 'the person has not answered yet')
      const { userId } = answer
      if (userId === null) throw new TokenRequestError('access_denied', 'the person denied')
      return { userId }
    },
  }
}

const TITLE = 'Sign in at the command line'
const ENTER = 'Enter the code that the program shows: ten letters.'
const WRONG =
  'No program shows this code, or it is older than ten minutes. Compare the ten letters, or begin again at the program.'
