import { errors, jwtVerify } from 'jose'
import { isObject, textOf } from '../../oci/json.ts'
import { InvalidReferenceError, parseReference, type Reference } from '../../oci/reference.ts'
import { KeysUnavailableError } from '../../published-keys/public-keys.ts'
import { at, jsonOfText, quoted, textOfBody } from '../delivery/body.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf, type HintCollector } from '../delivery/hints.ts'
import type { Platforms } from '../delivery/public-keys.ts'
import { refused } from '../delivery/scheme.ts'
import type { DeliveryAuthentication, PublicEndpoint, SenderDefinition } from '../delivery/sender.ts'

/** Source: Google, OpenID Connect discovery document, jwks_uri. */
const KEYS = 'https://www.googleapis.com/oauth2/v3/certs'
const ISSUERS = ['https://accounts.google.com', 'accounts.google.com']
/** Seconds by which the clocks of Google and of this server may differ. */
const CLOCK_DIFFERENCE = 30
const MAX_TOKEN_LENGTH = 8192
const actionOf = actionsOf({ INSERT: 'push', DELETE: 'delete' })

/**
 * Artifact Registry and Container Registry, through a push subscription of Pub/Sub. It repeats refused messages for days,
 * so an invalid one is read as one without changes.
 */
export const google: SenderDefinition = {
  title: 'Google Artifact Registry',
  description: 'Google Artifact Registry, through a Pub/Sub push subscription.',
  scheme: {
    authenticity: 'JWT',
    authenticate: ({ headers }, _secrets, endpoint) => authenticate(headers.authorization ?? '', endpoint),
    sign: (delivery) => delivery,
  },
  settings: { serviceAccount: 'NEEDED', audience: 'OPTIONAL' },

  read({ headers, body }, hints) {
    let id = headers['x-goog-pubsub-message-id'] ?? ''
    try {
      const json = jsonOfText(textOfBody(body))
      const message = at(json, 'message')
      if (isObject(message)) id = textOf(message.messageId) || textOf(message.message_id)
      // a subscription without payload unwrapping has the data in a message
      readNotification(isObject(message) ? dataOf(message) : json, hints)
    } catch (error) {
      if (!(error instanceof InvalidDeliveryError || error instanceof InvalidReferenceError)) throw error
      hints.ignore(error.message)
    }
    return id
  },

  setUp: ({ url, settings }) => {
    const account = settings.serviceAccount ?? '<service account>'
    return [
      `gcloud iam service-accounts create ${account.split('@', 1)[0]}`,
      'gcloud pubsub topics create gcr',
      `gcloud pubsub subscriptions create imagestreams --topic=gcr --push-endpoint=${url} --push-auth-service-account=${account} --push-auth-token-audience=${settings.audience ?? url}`,
      'The topic must be named gcr, in the project of the repositories, and the URL must be https.',
    ]
  },

  sample: ({ registry, repository, tag, digest }) => {
    const name = `${registry}/${repository}`
    const data = { action: 'INSERT', digest: `${name}@${digest}`, tag: `${name}:${tag}` }
    const message = { data: Buffer.from(JSON.stringify(data)).toString('base64'), messageId: 'sample' }
    return { message, subscription: 'projects/sample/subscriptions/imagestreams' }
  },
}

/** Source: Google Cloud, Pub/Sub, authentication for push subscriptions. */
async function authenticate(
  header: string,
  { url, settings, now, keysAt }: PublicEndpoint & Platforms,
): Promise<DeliveryAuthentication> {
  const { serviceAccount } = settings
  if (!serviceAccount) return refused('the receiver has no service account')
  const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header)?.[1]
  if (!token || token.length > MAX_TOKEN_LENGTH) return refused('the header Authorization has no token')
  try {
    const { payload } = await jwtVerify(token, keysAt(KEYS), {
      algorithms: ['RS256'],
      issuer: ISSUERS,
      audience: settings.audience ?? url,
      requiredClaims: ['exp', 'iat'],
      clockTolerance: CLOCK_DIFFERENCE,
      currentDate: new Date(now()),
    })
    if (payload.email !== serviceAccount) return refused('the token has another email')
    if (payload.email_verified !== true) return refused("the token's email is not verified")
    return { ok: true }
  } catch (error) {
    const isTemporary = error instanceof KeysUnavailableError
    return isTemporary ? { ok: false, reason: error.message, isTemporary } : refused(reasonOf(error))
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired'
  if (error instanceof errors.JWTClaimValidationFailed) return `the token's ${error.claim} is invalid`
  if (error instanceof errors.JWKSNoMatchingKey) return 'the token is not signed with a key of Google'
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong"
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is not signed by RS256'
  return 'the token cannot be verified'
}

const dataOf = ({ data }: Readonly<Record<string, unknown>>): unknown =>
  jsonOfText(textOfBody(Buffer.from(textOf(data), 'base64')), "the message's data")

function readNotification(notification: unknown, hints: HintCollector): void {
  const action = actionOf(at(notification, 'action'))
  const tagged = referenceAt(notification, 'tag')
  const image = referenceAt(notification, 'digest')
  const named = tagged ?? image
  if (!action || !named) hints.ignore(`message with the action ${quoted(at(notification, 'action'))}`)
  else if (action === 'push' && !tagged) hints.ignore('push by digest')
  else {
    const { registry, repository } = named
    hints.add({ registry, repository, tag: tagged?.tag ?? null, digest: image?.digest ?? null, action })
  }
}

/** Parses `host/project/repository/image:tag`, or `@sha256:…`. Throws InvalidReferenceError. */
function referenceAt(notification: unknown, key: 'tag' | 'digest'): Reference | undefined {
  const text = textOf(at(notification, key))
  return text === '' ? undefined : parseReference(text)
}
