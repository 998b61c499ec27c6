import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { InvalidEnvelopeError, parseEnvelope } from '../oci/distribution-events.ts'
import { OciError } from '../registry/protocol/errors.ts'
import { respondJson } from '../registry/protocol/exchange.ts'
import { readBody } from '../request-body/read-body.ts'
import type { NotificationInbox } from './notification-inbox.ts'

export interface NotificationEndpointOptions {
  readonly inbox: Pick<NotificationInbox, 'receive'>
  /** What the registry shows as `Authorization: Bearer <secret>`. */
  readonly secret: string
  /** Told when something new is on disk. */
  readonly onReceived: () => void
  /** Told of an error that is nobody's fault but ours; the registry is asked to try again. */
  readonly onError: (error: unknown) => void
}

export type NotificationEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Bytes of one envelope: distribution sends one event a time, of at most a manifest's descriptors. */
export const MAX_ENVELOPE = 1024 * 1024

/**
 * Answers what a registry sends as its notifications: 202 once they are on disk. Anything but 2xx makes the registry
 * send the same again, and holds back what it has to say after that. Never rejects.
 */
export function createNotificationEndpoint(options: NotificationEndpointOptions): NotificationEndpoint {
  const { inbox, secret, onReceived, onError } = options
  if (secret === '') throw new RangeError('the secret is empty: anybody could send notifications')
  const expected = sha256(`Bearer ${secret}`)
  // digests have one length, so that the comparison's time says nothing of the secret
  const isKnown = ({ headers }: IncomingMessage): boolean =>
    timingSafeEqual(sha256(headers.authorization ?? ''), expected)

  const receive = async (request: IncomingMessage): Promise<number> => {
    if (request.method !== 'POST') {
      throw new OciError('UNSUPPORTED', 'notifications are sent with POST', { headers: { Allow: 'POST' } })
    }
    if (!isKnown(request)) {
      throw new OciError('UNAUTHORIZED', 'unauthorized', { headers: { 'WWW-Authenticate': 'Bearer' } })
    }
    return inbox.receive(parseEnvelope(await readEnvelope(request)))
  }

  return async (request, response) => {
    try {
      const fresh = await receive(request)
      respondJson({ request, response }, 202, { received: fresh })
      if (fresh > 0) onReceived()
    } catch (error) {
      // the registry has gone: there is nobody to tell, and it will send the same again
      if (request.destroyed && !request.complete) return
      refuse({ request, response }, asRefusal(error, onError))
    }
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

function asRefusal(error: unknown, onError: (error: unknown) => void): OciError {
  if (error instanceof OciError) return error
  if (error instanceof InvalidEnvelopeError) {
    return new OciError('UNKNOWN', error.message, { status: 400, cause: error })
  }
  onError(error)
  return new OciError('UNKNOWN', "an internal error, which the server's log explains", { status: 503 })
}

function refuse(exchange: { request: IncomingMessage; response: ServerResponse }, error: OciError): void {
  const { request, response } = exchange
  if (response.headersSent) return
  // what of the body is still to come is let pass, and then the connection ends
  request.resume()
  const close = request.complete ? {} : { Connection: 'close' }
  respondJson(exchange, error.status, error.toBody(), { ...error.headers, ...close })
}

/** Returns the body as text. Throws OciError when it is too long; rejects when the registry disconnects. */
async function readEnvelope(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, MAX_ENVELOPE)
  if (body) return body.toString()
  throw new OciError('SIZE_INVALID', `an envelope has at most ${MAX_ENVELOPE} bytes`, { status: 413 })
}
