import { isObject } from '../../oci/descriptor.ts'
import { authenticateUrl, urlWithSecret } from '../delivery/authenticity.ts'
import { at, jsonOfBody, textOf } from '../delivery/body.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

/** Docker Hub. Deliveries have no signature, id or digest. Their `callback_url` is never requested: any client could set it. */
export const dockerHub: Sender = {
  kind: 'DOCKER_HUB',
  title: 'Docker Hub',
  authenticity: 'URL',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateUrl(delivery, secrets),

  read({ body }) {
    const json = jsonOfBody(body)
    if (!isObject(at(json, 'push_data')) || !isObject(at(json, 'repository'))) {
      throw new InvalidDeliveryError('the body has no "push_data" and "repository"')
    }
    const name = textOf(at(json, 'repository', 'repo_name'))
    const hints = createHintCollector()
    hints.add({
      registry: 'docker.io',
      repository: name === '' || name.includes('/') ? name : `library/${name}`,
      tag: at(json, 'push_data', 'tag') ?? '',
      digest: null,
      action: 'push',
    })
    return hints.parsed('')
  },

  setUp: (endpoint) => [
    'At hub.docker.com open the repository and its Webhooks: each repository has its own.',
    `Create one with the name imagestreams and the URL ${urlWithSecret(endpoint)}`,
  ],

  sample: ({ secret }, { repository, tag }) =>
    postOf(
      {
        callback_url: 'https://registry.hub.docker.com/u/sample/hook/0/',
        push_data: { tag, pusher: 'sample' },
        repository: { repo_name: repository },
      },
      { secret },
    ),
}
