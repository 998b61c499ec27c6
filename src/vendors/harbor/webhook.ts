import { isDigest } from '../../oci/digest.ts'
import { isObject, textOf } from '../../oci/json.ts'
import { at, jsonOfBody, orNull, quoted } from '../delivery/body.ts'
import { type CloudEvent, idOfEvents, readCloudEvents } from '../delivery/cloud-event.ts'
import { type Delivery, type Hint, InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf, type HintCollector } from '../delivery/hints.ts'
import { inAuthorization } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

const actionOf = actionsOf({
  PUSH_ARTIFACT: 'push',
  DELETE_ARTIFACT: 'delete',
  'harbor.artifact.pushed': 'push',
  'harbor.artifact.deleted': 'delete',
})

/** Harbor, both payload formats. It sends nothing when a tag is added to an existing artifact (goharbor/harbor#22640). */
export const harbor: SenderDefinition = {
  title: 'Harbor',
  description: 'Harbor, with one webhook for each project, in either of its payload formats.',
  scheme: inAuthorization(),

  read(delivery, hints) {
    const events = eventsOf(delivery)
    for (const { type, data } of events) {
      const action = actionOf(type)
      if (action) readResources(data, action, hints)
      else hints.ignore(`event ${quoted(type)}`)
    }
    return events.map(({ id }) => id).join(' ')
  },

  setUp: ({ url, secret }) => [
    'In Harbor open the project and its Webhooks, and press New Webhook.',
    'Choose the Notify Type http, the events Artifact pushed and Artifact deleted, and either Payload Format.',
    `Enter the Endpoint URL ${url}`,
    `Enter the Auth Header Bearer ${secret}`,
  ],

  sample: ({ registry, repository, tag, digest }) => ({
    type: 'PUSH_ARTIFACT',
    operator: 'sample',
    event_data: {
      resources: [{ digest, tag, resource_url: `${registry}/${repository}:${tag}` }],
      repository: { repo_full_name: repository },
    },
  }),
}

function eventsOf(delivery: Delivery): readonly Pick<CloudEvent, 'id' | 'type' | 'data'>[] {
  const events = readCloudEvents(delivery)
  if (events) return events.map((event) => ({ ...event, id: idOfEvents([event]) }))
  const json = jsonOfBody(delivery.body)
  const type = textOf(at(json, 'type'))
  if (type === '') throw new InvalidDeliveryError('the body has no "type"')
  return [{ type, data: at(json, 'event_data'), id: '' }]
}

function readResources(data: unknown, action: Hint['action'], hints: HintCollector): void {
  const resources = at(data, 'resources')
  const repository = at(data, 'repository', 'repo_full_name')
  if (!Array.isArray(resources) || !resources.every(isObject)) {
    throw new InvalidDeliveryError('the event has no list "resources"')
  }
  for (const { tag, digest, resource_url: url } of resources) {
    hints.add({
      registry: textOf(url).split('/', 1)[0],
      repository,
      // after a push by a robot account or a proxy cache, the tag may be the digest: goharbor/harbor#20939, #19982
      tag: isDigest(tag) ? null : orNull(tag),
      digest: orNull(digest) ?? tag,
      action,
    })
  }
}
