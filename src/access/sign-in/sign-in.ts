import type { Sealer } from '../../secrets/sealer.ts'
import { createBegunSessions, type SessionParts } from './begun-sessions.ts'
import { createBrowserSignIn } from './browser.ts'
import { createCodeExchange } from './code-exchange.ts'
import { createCommandLineSignIn } from './command-line.ts'
import { createDeviceSignIn } from './device.ts'
import { message, type SignInRequest, type SignInResponse } from './messages.ts'
import {
  CALLBACK_PATH,
  CODE_EXCHANGE_PATH,
  COMMAND_LINE_PATH,
  DEVICE_CODE_PATH,
  DEVICE_PATH,
  SIGN_IN_PATH,
} from './paths.ts'
import type { Provider } from './provider.ts'
import { createSealedTexts } from './sealed-texts.ts'

interface SignInDependencies extends SessionParts {
  /** Undefined for a server whose people have no provider. */
  readonly provider: Provider | undefined
  readonly sealer: Sealer
  /** Origin under which browsers reach this server. */
  readonly publicUrl: () => string
  readonly isSecure: boolean
}

/** The pages and endpoints at which people sign in. */
export type SignInPages = ReturnType<typeof createSignIn>

type Handler = (request: SignInRequest) => SignInResponse | Promise<SignInResponse>

/** Grant types of the exchange of codes. */
const CODE_GRANT = 'authorization_code'
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** Creates the pages and endpoints. */
export function createSignIn(dependencies: SignInDependencies) {
  const begun = createBegunSessions(dependencies)
  const parts = {
    ...dependencies,
    begun,
    sealed: createSealedTexts(dependencies),
  }
  const browser = createBrowserSignIn(parts)
  const commandLine = createCommandLineSignIn(parts)
  const device = createDeviceSignIn(parts)
  const exchanges = { [CODE_GRANT]: commandLine.exchange, [DEVICE_GRANT]: device.exchange }

  const handlers: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
    [SIGN_IN_PATH]: { GET: browser.begin },
    [CALLBACK_PATH]: { GET: browser.callback },
    [COMMAND_LINE_PATH]: { GET: commandLine.ask, POST: ofOwnPage(commandLine.answer) },
    [DEVICE_PATH]: { GET: device.ask, POST: ofOwnPage(device.answer) },
    [DEVICE_CODE_PATH]: { POST: device.start },
    [CODE_EXCHANGE_PATH]: { POST: createCodeExchange({ ...parts, exchanges }) },
  }

  return {
    /** Paths of the pages and endpoints. */
    paths: Object.keys(handlers),

    /** Responds to a request to such a path. */
    async handle(request: SignInRequest): Promise<SignInResponse> {
      const methods = handlers[request.path] ?? {}
      const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
      if (handler) return handler(request)
      const allowed = Object.keys(methods).join(', ')
      const page = message(405, 'Method not allowed', `This address is requested with ${allowed}.`)
      return { ...page, headers: { ...page.headers, Allow: allowed } }
    },
  }
}

/** Refuses requests that a page of another site starts: it must not decide for the person. */
const ofOwnPage =
  (handler: Handler): Handler =>
  (request) =>
    request.isOwnPage
      ? handler(request)
      : message(403, 'Refused', 'This request comes from a page of another site.')
