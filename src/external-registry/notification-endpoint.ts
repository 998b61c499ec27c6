import type { IncomingMessage, ServerResponse } from 'node:http'
import { isSameSecret } from '../input/secret.ts'
import { InvalidEnvelopeError, parseEnvelope } from '../oci/distribution-events.ts'
import { OciError } from '../oci/oci-error.ts'
import type { BodyMemory } from '../request-body/body-budget.ts'
import { asOciError, UnreadBodyError } from '../request-body/errors.ts'
import { readBody } from '../request-body/read-body.ts'
import { respondEarly, respondJson } from '../request-body/respond.ts'
import type { NotificationInbox } from './notification-inbox.ts'

export interface NotificationEndpointOptions {
  readonly inbox: Pick<NotificationInbox, 'receive'>
  /** Secret that the registry sends as `Authorization: Bearer <secret>`. */
  readonly secret: string
  /** Called when new notifications are on disk. */
  readonly onReceived: () => void
  /** Receives internal errors; the registry gets a 503 and retries. */
  readonly onError: (error: unknown) => void
}

export type NotificationEndpoint = (
  request: IncomingMessage,
  response: ServerResponse,
  memory: BodyMemory,
) => Promise<void>

/** Maximum bytes of an envelope: distribution sends one event at a time, with at most a manifest's descriptors. */
export const MAX_ENVELOPE = 1024 * 1024

/**
 * Handles the notifications of a registry: responds with 202 when they are on disk. After any status but 2xx the registry
 * repeats the envelope, and delays all later ones. Never rejects.
 */
export function createNotificationEndpoint(options: NotificationEndpointOptions): NotificationEndpoint {
  const { inbox, secret, onReceived, onError } = options
  if (secret === '') throw new RangeError('the secret is empty: any client could send notifications')

  const receive = async (request: IncomingMessage, memory: BodyMemory): Promise<number> => {
    if (request.method !== 'POST') {
      throw new OciError('UNSUPPORTED', 'method not allowed: send notifications with POST', {
        headers: { Allow: 'POST' },
      })
    }
    if (!isSameSecret(request.headers.authorization ?? '', `Bearer ${secret}`)) {
      throw new OciError(
        'UNAUTHORIZED',
        'unauthorized: the Authorization header must be Bearer and the secret of --webhook-secret',
        { headers: { 'WWW-Authenticate': 'Bearer' } },
      )
    }
    const body = await readBody(request, { maxBytes: MAX_ENVELOPE, memory })
    return inbox.receive(parseEnvelope(body.toString()))
  }

  return async (request, response, memory) => {
    try {
      const received = await receive(request, memory)
      respondJson(response, 202, { received })
      if (received > 0) onReceived()
    } catch (error) {
      // the registry has disconnected, and repeats the envelope
      if (request.destroyed && !request.complete) return
      const known = toOciError(error, onError)
      if (!response.headersSent) await respondEarly(response, known.status, known.toBody(), known.headers)
    }
  }
}

/** Seconds until the registry should repeat an envelope that could not be stored. */
const RETRY_AFTER = 60

function toOciError(error: unknown, onError: (error: unknown) => void): OciError {
  if (error instanceof OciError) return error
  if (error instanceof UnreadBodyError) return asOciError(error)
  if (error instanceof InvalidEnvelopeError) {
    return new OciError('UNKNOWN', error.message, { status: 400, cause: error })
  }
  onError(error)
  const headers = { 'Retry-After': RETRY_AFTER }
  return new OciError('UNKNOWN', 'internal error: see the log of the server', { status: 503, headers })
}
