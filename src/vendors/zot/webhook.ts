import { isDigest } from '../../oci/digest.ts'
import { OCI_MANIFEST } from '../../oci/media-types.ts'
import { at, quoted } from '../delivery/body.ts'
import { idOfEvents, readCloudEvents } from '../delivery/cloud-event.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf } from '../delivery/hints.ts'
import { inAuthorization } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

const UPDATED = 'zotregistry.image.updated'
const actionOf = actionsOf({ [UPDATED]: 'push', 'zotregistry.image.deleted': 'delete' })

/** zot, as CloudEvents in binary mode. It sends each event once, without retries, and does not name the registry. */
export const zot: SenderDefinition = {
  title: 'zot',
  description: 'zot, through its HTTP event sink.',
  scheme: inAuthorization('zot'),

  read(delivery, hints) {
    const events = readCloudEvents(delivery)
    if (!events) {
      throw new InvalidDeliveryError('the delivery has no CloudEvents: no Ce-Type and no "specversion"')
    }
    for (const { type, data } of events) {
      const action = actionOf(type)
      const repository = at(data, 'name')
      const reference = at(data, 'reference') ?? ''
      if (!action) hints.ignore(`event ${quoted(type)}`)
      else if (isDigest(reference)) hints.addTagged({ repository, tag: null, digest: reference, action })
      else hints.addTagged({ repository, tag: reference, digest: at(data, 'digest'), action })
    }
    return idOfEvents(events)
  },

  setUp: ({ url, secret }) => [
    "Add a sink to the events in zot's config.json, and restart zot, which must be a build with extensions:",
    `{
  "extensions": {
    "events": {
      "enable": true,
      "sinks": [{
        "type": "http",
        "address": ${JSON.stringify(url)},
        "timeout": "10s",
        "credentials": { "username": "zot", "password": ${JSON.stringify(secret)} }
      }]
    }
  }
}`,
  ],

  sample: ({ repository, tag, digest }) => ({
    name: repository,
    reference: tag,
    digest,
    mediaType: OCI_MANIFEST,
  }),
  sampleHeaders: {
    'ce-specversion': '1.0',
    'ce-type': UPDATED,
    'ce-source': 'zotregistry.dev',
    'ce-id': 'sample',
  },
}
