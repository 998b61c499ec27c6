import { isObject, textOf } from '../../oci/json.ts'
import { at, jsonOfBody, quoted } from '../delivery/body.ts'
import { type CloudEvent, idOfEvents, readCloudEvents } from '../delivery/cloud-event.ts'
import { type Delivery, InvalidDeliveryError } from '../delivery/delivery.ts'
import { pushEventOf } from '../delivery/envelope.ts'
import { IN_URL, urlWithSecret } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'
import { readAzureEvent } from './webhook.ts'

const PUSHED = 'Microsoft.ContainerRegistry.ImagePushed'
const IMAGE_EVENTS: ReadonlySet<string> = new Set([PUSHED, 'Microsoft.ContainerRegistry.ImageDeleted'])
const VALIDATION = 'Microsoft.EventGrid.SubscriptionValidationEvent'

/**
 * Azure Container Registry through Event Grid, in the Event Grid or the CloudEvents schema. Each schema has its own
 * handshake before the first event.
 */
export const azureEventGrid: SenderDefinition = {
  title: 'Azure Container Registry by Event Grid',
  description: 'Azure Container Registry, through Azure Event Grid.',
  scheme: IN_URL,
  methods: ['POST', 'OPTIONS'],

  read(delivery, hints) {
    if (delivery.method === 'OPTIONS') return acceptOrigin(delivery)
    const events = readCloudEvents(delivery) ?? gridEventsOf(delivery)
    for (const { type, data } of events) {
      if (type === VALIDATION) return acceptSubscription(data)
      if (IMAGE_EVENTS.has(type)) readAzureEvent(data, hints)
      else hints.ignore(`event ${quoted(type)}`)
    }
    return idOfEvents(events)
  },

  setUp: (endpoint) => [
    `az eventgrid event-subscription create --name imagestreams --source-resource-id $(az acr show --name <registry> --query id --output tsv) --included-event-types ${[...IMAGE_EVENTS].join(' ')} --endpoint "${urlWithSecret(endpoint)}"`,
    'For CloudEvents add --event-delivery-schema cloudeventschemav1_0.',
    'The command succeeds after the handshake: the server must be reachable from Azure by https.',
  ],

  sample: (image) => [
    {
      id: 'sample',
      topic: 'sample',
      subject: `${image.repository}:${image.tag}`,
      eventType: PUSHED,
      eventTime: '2026-01-01T00:00:00Z',
      data: pushEventOf(image),
      dataVersion: '2.0',
      metadataVersion: '1',
    },
  ],
}

/** Returns events of the Event Grid schema. */
function gridEventsOf({ body }: Delivery): Pick<CloudEvent, 'id' | 'source' | 'type' | 'data'>[] {
  const json = jsonOfBody(body)
  if (!Array.isArray(json) || !json.every(isObject)) {
    throw new InvalidDeliveryError('the body is not a list of Event Grid events')
  }
  return json.map(({ id, topic, eventType, data }) => ({
    id: textOf(id),
    source: textOf(topic),
    type: textOf(eventType),
    data,
  }))
}

/** Source: Azure Event Grid, webhook event delivery, validation handshake. */
function acceptSubscription(data: unknown) {
  const code = at(data, 'validationCode')
  if (typeof code !== 'string' || code === '' || code.length > 256) {
    throw new InvalidDeliveryError('the validation event has no "validationCode"')
  }
  const handshake = { status: 200, body: { validationResponse: code } }
  return { note: 'handshake of a subscription', handshake }
}

/** Returns the sender's origin to it; its callback URL is not requested. Source: CloudEvents 1.0, HTTP webhook, §4. */
function acceptOrigin({ headers: { 'webhook-request-origin': origin = '' } }: Delivery) {
  if (!/^[A-Za-z0-9.-]{1,253}$/.test(origin)) {
    throw new InvalidDeliveryError('WebHook-Request-Origin is not a host name')
  }
  const headers = { Allow: 'POST', 'WebHook-Allowed-Origin': origin, 'WebHook-Allowed-Rate': '*' }
  return { note: `handshake of ${origin}`, handshake: { status: 200, body: null, headers } }
}
