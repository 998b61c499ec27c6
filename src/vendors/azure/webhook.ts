import { isObject } from '../../oci/descriptor.ts'
import { authenticateToken } from '../delivery/authenticity.ts'
import { at, jsonOfBody, orNull, quoted, textOf } from '../delivery/body.ts'
import { createHintCollector, type HintCollector } from '../delivery/hints.ts'
import { postOf, pushEventOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

/** Azure Container Registry's own webhooks. */
export const azure: Sender = {
  kind: 'AZURE',
  title: 'Azure Container Registry',
  authenticity: 'TOKEN',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateToken(delivery, secrets),

  read({ body }) {
    const json = jsonOfBody(body)
    const hints = createHintCollector()
    readAzureEvent(json, hints)
    return hints.parsed(textOf(at(json, 'id')))
  },

  setUp: ({ url, secret }) => [
    `az acr webhook create --registry <registry> --name imagestreams --actions push delete --uri ${url} --headers "Authorization=Bearer ${secret}"`,
    'az acr webhook ping --registry <registry> --name imagestreams',
  ],

  sample: ({ secret }, image) =>
    postOf(pushEventOf(image), { headers: { authorization: `Bearer ${secret}` } }),
}

/** Adds the change of an event, which webhooks and Event Grid send in the same format. Throws InvalidDeliveryError. */
export function readAzureEvent(event: unknown, hints: HintCollector): void {
  const action = at(event, 'action')
  if (typeof action !== 'string') throw new InvalidDeliveryError('the event has no "action"')
  // ping, chart_push, chart_delete, quarantine
  if (action !== 'push' && action !== 'delete') {
    hints.ignore(action === 'ping' ? 'ping' : `action ${quoted(action)}`)
    return
  }
  const target = at(event, 'target')
  if (!isObject(target)) throw new InvalidDeliveryError('the event has no "target"')
  const tag = orNull(at(target, 'tag'))
  if (action === 'push' && tag === null) {
    // an image of an index, which is pushed before the index
    hints.ignore('push by digest')
    return
  }
  hints.add({
    registry: orNull(at(event, 'request', 'host')),
    repository: at(target, 'repository'),
    tag,
    digest: at(target, 'digest'),
    action,
  })
}
