import { textOf } from '../../oci/json.ts'
import { at, jsonOfBody } from '../delivery/body.ts'
import { IN_URL, urlWithSecret } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

/** Docker Hub. Deliveries have no signature, id or digest. Their `callback_url` is never requested: any client could set it. */
export const dockerHub: SenderDefinition = {
  title: 'Docker Hub',
  description: 'Docker Hub, with one webhook for each repository.',
  registry: 'docker.io',
  scheme: IN_URL,

  read({ body }, hints) {
    const json = jsonOfBody(body, 'push_data', 'repository')
    const name = textOf(at(json, 'repository', 'repo_name'))
    hints.add({
      registry: 'docker.io',
      repository: name === '' || name.includes('/') ? name : `library/${name}`,
      tag: at(json, 'push_data', 'tag') ?? '',
      action: 'push',
    })
    return ''
  },

  setUp: (endpoint) => [
    'At hub.docker.com open the repository and its Webhooks: each repository has its own.',
    `Create one with the name imagestreams and the URL ${urlWithSecret(endpoint)}`,
  ],

  sample: ({ repository, tag }) => ({
    callback_url: 'https://registry.hub.docker.com/u/sample/hook/0/',
    push_data: { tag, pusher: 'sample' },
    repository: { repo_name: repository },
  }),
}
