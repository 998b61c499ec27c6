import { createHmac } from 'node:crypto'
import { isObject } from '../../oci/json.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import { at, jsonOfBody, orNull, quoted } from '../delivery/body.ts'
import { idOfEvents, readCloudEvents } from '../delivery/cloud-event.ts'
import { type Delivery, type Hint, InvalidDeliveryError } from '../delivery/delivery.ts'
import { checkChange, type ReportedChange } from '../delivery/hints.ts'
import { compare, inAuthorization, refused, withHeaders } from '../delivery/scheme.ts'
import type { DeliveryAuthentication, Scheme, SenderDefinition } from '../delivery/sender.ts'
import { readCdEvent } from './cd-event.ts'

/** Seconds before and after its timestamp in which a signature is valid. Source: Standard Webhooks. */
export const SIGNATURE_LIFETIME = 300
const MAX_SIGNATURES = 10

const TOKEN = inAuthorization()

/** The secret as token, or a signature by Standard Webhooks, which prevents replays. */
const TOKEN_OR_SIGNATURE: Scheme = {
  authenticity: 'SIGNATURE',
  authenticate: (delivery, secrets, endpoint) =>
    delivery.headers['webhook-signature'] === undefined
      ? TOKEN.authenticate(delivery, secrets, endpoint)
      : authenticateStandard(delivery, secrets, endpoint.now() / 1000),
  sign(delivery, { secret, now }) {
    const time = String(Math.floor(now() / 1000))
    const id = `sample-${time}`
    const signature = signStandard({ id, time, body: delivery.body }, secret)
    const headers = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${signature}` }
    return withHeaders(delivery, headers)
  },
}

/**
 * Any sender of JSON, such as a build script: `{"image": "registry/team/app:v1"}`, alone or as the data of a CloudEvent, or
 * a CDEvent of an artifact.
 */
export const generic: SenderDefinition = {
  title: 'Any sender of JSON',
  description: 'Any client that can send JSON, for example the last step of a build.',
  scheme: TOKEN_OR_SIGNATURE,

  read(delivery, hints) {
    const events = readCloudEvents(delivery)
    const add = (change: ReportedChange): void => {
      checkChange(change)
      hints.add(change)
    }
    if (!events) changesOf(jsonOfBody(delivery.body)).forEach(add)
    for (const event of events ?? []) {
      const change = readCdEvent(event)
      if (change) add(change)
      else if (change === null) hints.ignore(`event ${quoted(event.type)}`)
      else changesOf(event.data).forEach(add)
    }
    return delivery.headers['webhook-id'] ?? (events ? idOfEvents(events) : '')
  },

  setUp: ({ url, secret, settings }) => {
    const image = `${settings.registry ?? 'registry.example.com'}/team/app:v1`
    return [
      'Send this request after each push, for example as the last step of a build:',
      `curl -fsS ${url} -H 'Authorization: Bearer ${secret}' -H 'Content-Type: application/json' -d '{"image":"${image}"}'`,
      'In place of image, repository may be given, with tag or a list tags; without either, all tags of the repository are checked. registry, digest and action (push or delete) are optional.',
      'To sign the request in place of sending the secret:',
      `body='{"image":"${image}"}'; id=$(openssl rand -hex 16); time=$(date +%s)
signature=$(printf '%s.%s.%s' "$id" "$time" "$body" | openssl dgst -sha256 -hmac '${secret}' -binary | base64)
curl -fsS ${url} -H "webhook-id: $id" -H "webhook-timestamp: $time" -H "webhook-signature: v1,$signature" -H 'Content-Type: application/json' -d "$body"`,
    ]
  },

  sample: (image) => image,
}

/** Source: Standard Webhooks 1.0, signature scheme, symmetric. */
function authenticateStandard(
  { headers, body }: Delivery,
  secrets: readonly string[],
  seconds: number,
): DeliveryAuthentication {
  const id = headers['webhook-id'] ?? ''
  const time = headers['webhook-timestamp'] ?? ''
  if (id === '') return refused('the header webhook-id is missing')
  if (!/^\d{1,12}$/.test(time) || Math.abs(seconds - Number(time)) > SIGNATURE_LIFETIME) {
    return refused(`webhook-timestamp is not a time within ${SIGNATURE_LIFETIME} seconds of now`)
  }
  const signatures = (headers['webhook-signature'] ?? '')
    .split(' ', MAX_SIGNATURES)
    .flatMap((each) => (each.startsWith('v1,') ? [each.slice('v1,'.length)] : []))
  return compare(signatures, secrets, {
    expected: (secret) => signStandard({ id, time, body }, secret),
    missing: 'the delivery has no signature of a supported scheme',
    wrong: 'no signature matches',
  })
}

function signStandard(
  { id, time, body }: { readonly id: string; readonly time: string; readonly body: Uint8Array },
  secret: string,
): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret
  return createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64')
}

/** Returns the changes of one JSON object. Throws InvalidDeliveryError. */
function changesOf(data: unknown): ReportedChange[] {
  const { image, repository, tags } = isObject(data) ? data : {}
  const action = actionOf(at(data, 'action'))
  if (typeof image === 'string') return [{ ...referenceOf(image), action }]
  if (typeof repository !== 'string') {
    throw new InvalidDeliveryError(
      'the body must have "image" (registry/team/app:v1), or "repository" (team/app) with "tag" or "tags"',
    )
  }
  const change = { registry: at(data, 'registry'), repository, digest: at(data, 'digest'), action }
  // a missing tag of a list is invalid, and the missing `tag` of the object is the whole repository
  const changed = Array.isArray(tags) ? tags.map((tag) => tag ?? '') : [orNull(at(data, 'tag'))]
  return changed.map((tag) => ({ ...change, tag }))
}

function actionOf(action: unknown): Hint['action'] {
  if (action === undefined || action === 'push') return 'push'
  if (action === 'delete') return 'delete'
  throw new InvalidDeliveryError(`action is ${quoted(action)}: it must be push or delete`)
}

function referenceOf(image: string): Omit<ReportedChange, 'action'> {
  try {
    return parseReference(image)
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error
    throw new InvalidDeliveryError(`image is ${quoted(image)}, which is not a reference`, { cause: error })
  }
}
