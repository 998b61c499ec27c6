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
 * CNCF distribution, and what is built on it. Any answer but 2xx makes it send the same again before anything else, so a
 * delivery that is no use is read as telling nothing. Our own `HEAD`s come back as pulls.
 */
const envelopeSender = (
  sender: Pick<Sender, 'kind' | 'title'> & { readonly steps: (place: SenderEndpoint) => readonly string[] },
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
  return hints.reading(ids.join(' '))
}

function entriesOf(body: Uint8Array): ReturnType<typeof readEnvelope> {
  try {
    return readEnvelope(textOfBody(body))
  } catch (error) {
    if (!(error instanceof InvalidEnvelopeError || error instanceof InvalidDeliveryError)) throw error
    return [{ kind: 'invalid', message: error.message }]
  }
}

/** A registry of one's own: docker-registry, registry:2, registry:3. */
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
    'It calls itself by the host that its clients use: where references have another, name it among the aliases.',
  ],
})

/** The container registry of a GitLab that one runs oneself; gitlab.com has no such thing. */
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
    'In its Helm chart the same stands under global.registry.notifications.endpoints.',
  ],
})
