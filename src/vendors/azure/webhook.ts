import { isObject, textOf } from '../../oci/json.ts'
import { at, jsonOfBody, orNull, quoted } from '../delivery/body.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { pushEventOf } from '../delivery/envelope.ts'
import type { HintCollector } from '../delivery/hints.ts'
import { inAuthorization } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

/** Azure Container Registry's own webhooks. */
export const azure: SenderDefinition = {
  title: 'Azure Container Registry',
  description: 'Azure Container Registry, through its webhooks.',
  scheme: inAuthorization(),

  read({ body }, hints) {
    const json = jsonOfBody(body)
    readAzureEvent(json, hints)
    return textOf(at(json, 'id'))
  },

  setUp: ({ url, secret }) => [
    `az acr webhook create --registry <registry> --name imagestreams --actions push delete --uri ${url} --headers "Authorization=Bearer ${secret}"`,
    'az acr webhook ping --registry <registry> --name imagestreams',
  ],

  sample: pushEventOf,
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
  hints.addTagged({
    registry: at(event, 'request', 'host'),
    repository: at(target, 'repository'),
    tag: orNull(at(target, 'tag')),
    digest: at(target, 'digest'),
    action,
  })
}
