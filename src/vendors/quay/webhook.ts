import { authenticateUrl, urlWithSecret } from '../delivery/authenticity.ts'
import { at, jsonOfBody, textOf } from '../delivery/body.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

/** quay.io and self-hosted Quay. One delivery may have many tags. */
export const quay: Sender = {
  kind: 'QUAY',
  title: 'Quay',
  authenticity: 'URL',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateUrl(delivery, secrets),

  read({ body }) {
    const json = jsonOfBody(body)
    const name = textOf(at(json, 'docker_url'))
    const slash = name.indexOf('/')
    if (slash < 1) {
      throw new InvalidDeliveryError(
        "docker_url is not a repository with its registry: the notification's POST body template must be empty",
      )
    }
    const tags = at(json, 'updated_tags')
    if (!Array.isArray(tags) || tags.length === 0) {
      throw new InvalidDeliveryError(
        "updated_tags is not a list of tags: the notification's event must be Push to Repository, " +
          'and its POST body template must be empty',
      )
    }
    const registry = name.slice(0, slash)
    const hints = createHintCollector()
    for (const tag of tags) {
      hints.add({ registry, repository: name.slice(slash + 1), tag: tag ?? '', digest: null, action: 'push' })
    }
    return hints.parsed('')
  },

  setUp: (endpoint) => [
    'In Quay open the Settings of the repository, and under Events and Notifications press Create Notification.',
    'Choose the event Push to Repository and the method Webhook POST, and leave the POST body template empty.',
    `Enter the Webhook URL ${urlWithSecret(endpoint)}`,
  ],

  sample: ({ secret }, { registry, repository, tag }) =>
    postOf(
      { name: repository, repository, docker_url: `${registry}/${repository}`, updated_tags: [tag] },
      { secret },
    ),
}
