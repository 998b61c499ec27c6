import { at, jsonOfBody } from '../delivery/body.ts'
import { IN_URL, urlWithSecret } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

/** Alibaba Cloud Container Registry, both editions. Its deliveries name a region, from which the host cannot be derived. */
export const aliyun: SenderDefinition = {
  title: 'Alibaba Cloud Container Registry',
  description: 'Alibaba Cloud Container Registry.',
  scheme: IN_URL,

  read({ body }, hints) {
    const json = jsonOfBody(body, 'push_data', 'repository')
    hints.add({
      repository: at(json, 'repository', 'repo_full_name'),
      tag: at(json, 'push_data', 'tag') ?? '',
      digest: at(json, 'push_data', 'digest'),
      action: 'push',
    })
    return ''
  },

  setUp: (endpoint) => [
    'In the console of Container Registry open the instance, the repository and its Triggers, and create one for all tags.',
    `Enter the Trigger URL ${urlWithSecret(endpoint)}`,
  ],

  sample: ({ repository, tag, digest }) => ({
    push_data: { digest, tag, pushed_at: '2026-01-01 00:00:00' },
    repository: { repo_full_name: repository, region: 'cn-shanghai' },
  }),
}
