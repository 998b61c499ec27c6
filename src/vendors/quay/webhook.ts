import { textOf } from '../../oci/json.ts'
import { at, jsonOfBody } from '../delivery/body.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { IN_URL, urlWithSecret } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

/** quay.io and self-hosted Quay. One delivery may have many tags. */
export const quay: SenderDefinition = {
  title: 'Quay',
  description: 'Quay, hosted or self-hosted.',
  registry: 'quay.io',
  scheme: IN_URL,

  read({ body }, hints) {
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
    const image = { registry: name.slice(0, slash), repository: name.slice(slash + 1) }
    for (const tag of tags) hints.add({ ...image, tag: tag ?? '', action: 'push' })
    return ''
  },

  setUp: (endpoint) => [
    'In Quay open the Settings of the repository, and under Events and Notifications press Create Notification.',
    'Choose the event Push to Repository and the method Webhook POST, and leave the POST body template empty.',
    `Enter the Webhook URL ${urlWithSecret(endpoint)}`,
  ],

  sample: ({ registry, repository, tag }) => ({
    name: repository,
    repository,
    docker_url: `${registry}/${repository}`,
    updated_tags: [tag],
  }),
}
