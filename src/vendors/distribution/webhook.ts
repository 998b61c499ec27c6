import { InvalidEnvelopeError, readEnvelope } from '../../oci/distribution-events.ts'
import { authenticateToken } from '../delivery/authenticity.ts'
import { textOfBody } from '../delivery/body.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf, pushEventOf } from '../delivery/sample-delivery.ts'
import {
  type Delivery,
  InvalidDeliveryError,
  type ParsedDelivery,
  type Sender,
  type SenderEndpoint,
} from '../delivery/sender.ts'

/**
 * CNCF distribution and registries that are built on it. It repeats a refused delivery before all others, so an invalid
 * one is read as one without changes. Requests of this server return as `pull` events.
 */
const envelopeSender = (
  sender: Pick<Sender, 'kind' | 'title'> & {
    readonly steps: (endpoint: SenderEndpoint) => readonly string[]
  },
): Sender => ({
  kind: sender.kind,
  title: sender.title,
  authenticity: 'TOKEN',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateToken(delivery, secrets),
  read,
  setUp: sender.steps,
  sample: ({ secret }, image) =>
    postOf(
      { events: [pushEventOf(image)] },
      {
        headers: {
          'content-type': 'application/vnd.docker.distribution.events.v2+json',
          authorization: `Bearer ${secret}`,
        },
      },
    ),
})

function read({ body }: Delivery): ParsedDelivery {
  const hints = createHintCollector()
  const ids: string[] = []
  for (const entry of entriesOf(body)) {
    if (entry.kind !== 'event') {
      hints.ignore(entry.kind === 'ignored' ? entry.what : entry.message)
      continue
    }
    const { event, host } = entry
    ids.push(event.eventId)
    if (event.action === 'push' && event.tag === null) hints.ignore('push by digest')
    else hints.add({ ...event, registry: host })
  }
  return hints.parsed(ids.join(' '))
}

function entriesOf(body: Uint8Array): ReturnType<typeof readEnvelope> {
  try {
    return readEnvelope(textOfBody(body))
  } catch (error) {
    if (!(error instanceof InvalidEnvelopeError || error instanceof InvalidDeliveryError)) throw error
    return [{ kind: 'invalid', message: error.message }]
  }
}

/** A self-hosted registry: docker-registry, registry:2, registry:3. */
export const distribution = envelopeSender({
  kind: 'DISTRIBUTION',
  title: 'CNCF distribution',
  steps: ({ url, secret }) => [
    "Add an endpoint to the notifications in the registry's config.yml, and restart it:",
    `notifications:
  endpoints:
    - name: imagestreams
      url: ${url}
      headers: { Authorization: [Bearer ${secret}] }
      timeout: 1s
      threshold: 5
      backoff: 2s
      ignore: { mediatypes: [application/octet-stream], actions: [pull] }`,
    'The registry names itself by the host that its clients use: if references have another host, add it to the aliases.',
  ],
})

/** The container registry of self-managed GitLab; gitlab.com sends no notifications. */
export const gitlab = envelopeSender({
  kind: 'GITLAB',
  title: 'GitLab, self-managed',
  steps: ({ url, secret }) => [
    'Add an endpoint to the notifications of the registry in /etc/gitlab/gitlab.rb, and run sudo gitlab-ctl reconfigure:',
    `registry['notifications'] = [
  {
    'name' => 'imagestreams',
    'url' => '${url}',
    'timeout' => '1s',
    'threshold' => 5,
    'backoff' => '2s',
    'headers' => { 'Authorization' => ['Bearer ${secret}'] }
  }
]`,
    'In the Helm chart the same setting is global.registry.notifications.endpoints.',
  ],
})
