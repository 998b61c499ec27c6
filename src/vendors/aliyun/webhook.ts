import { isObject } from '../../oci/descriptor.ts'
import { authenticateUrl, urlWithSecret } from '../delivery/authenticity.ts'
import { at, jsonOfBody } from '../delivery/body.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

/** Alibaba Cloud Container Registry, both editions. Its deliveries name a region, from which the host cannot be derived. */
export const aliyun: Sender = {
  kind: 'ALIYUN',
  title: 'Alibaba Cloud Container Registry',
  authenticity: 'URL',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateUrl(delivery, secrets),

  read({ body }) {
    const json = jsonOfBody(body)
    if (!isObject(at(json, 'push_data')) || !isObject(at(json, 'repository'))) {
      throw new InvalidDeliveryError('the body has no "push_data" and "repository"')
    }
    const hints = createHintCollector()
    hints.add({
      registry: null,
      repository: at(json, 'repository', 'repo_full_name'),
      tag: at(json, 'push_data', 'tag') ?? '',
      digest: at(json, 'push_data', 'digest'),
      action: 'push',
    })
    return hints.parsed('')
  },

  setUp: (endpoint) => [
    'In the console of Container Registry open the instance, the repository and its Triggers, and create one for all tags.',
    `Enter the Trigger URL ${urlWithSecret(endpoint)}`,
  ],

  sample: ({ secret }, { repository, tag, digest }) =>
    postOf(
      {
        push_data: { digest, tag, pushed_at: '2026-01-01 00:00:00' },
        repository: { repo_full_name: repository, region: 'cn-shanghai' },
      },
      { secret },
    ),
}
