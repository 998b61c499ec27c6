import { isDigest } from '../../oci/digest.ts'
import { authenticateToken, basicOf } from '../delivery/authenticity.ts'
import { at, quoted } from '../delivery/body.ts'
import { idOfEvents, readCloudEvents } from '../delivery/cloud-event.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

const ACTIONS: ReadonlyMap<string, 'push' | 'delete'> = new Map([
  ['zotregistry.image.updated', 'push'],
  ['zotregistry.image.deleted', 'delete'],
])

/** zot, as CloudEvents in binary mode. It sends each event once, without retries, and does not name the registry. */
export const zot: Sender = {
  kind: 'ZOT',
  title: 'zot',
  authenticity: 'TOKEN',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateToken(delivery, secrets),

  read(delivery) {
    const events = readCloudEvents(delivery)
    if (!events) {
      throw new InvalidDeliveryError('the delivery has no CloudEvents: no Ce-Type and no "specversion"')
    }
    const hints = createHintCollector()
    for (const { type, data } of events) {
      const action = ACTIONS.get(type)
      const reference = at(data, 'reference') ?? ''
      if (!action) hints.ignore(`event ${quoted(type)}`)
      else if (action === 'push' && isDigest(reference)) hints.ignore('push by digest')
      else {
        hints.add({
          registry: null,
          repository: at(data, 'name'),
          tag: isDigest(reference) ? null : reference,
          digest: isDigest(reference) ? reference : at(data, 'digest'),
          action,
        })
      }
    }
    return hints.parsed(idOfEvents(events))
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

  sample: ({ secret }, { repository, tag, digest }) =>
    postOf(
      { name: repository, reference: tag, digest, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
      {
        headers: {
          authorization: basicOf('zot', secret),
          'ce-specversion': '1.0',
          'ce-type': 'zotregistry.image.updated',
          'ce-source': 'zotregistry.dev',
          'ce-id': 'sample',
        },
      },
    ),
}
