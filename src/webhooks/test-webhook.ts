import type { Database } from '../db/open.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkTagName } from '../input/names.ts'
import { digestOf } from '../oci/digest.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Senders } from '../vendors/senders.ts'
import type { Receiver, Trial } from './receive.ts'
import { isBelow, spelled } from './scope.ts'
import type { WebhookSecrets } from './secrets.ts'
import { createSources, type Target } from './targets.ts'
import { pathOf, settingsOf, type Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

export interface TestWebhook {
  readonly id: number
  /** The repository that the sample tells of; one of a stream that the webhook may tell of, unless given. */
  readonly repository?: string | null | undefined
  readonly tag?: string | null | undefined
  /** Whether the registry is asked as it would be for a real one. */
  readonly follow: boolean
}

/** What a delivery like a sender's own came to, and what it would lead to. */
export interface WebhookTest extends Trial {
  readonly webhook: Webhook
  readonly targets: readonly Target[]
}

/** Throws NotFoundError, InvalidInputError, or as the sealer does. */
export type TestWebhookCommand = (input: TestWebhook) => Promise<WebhookTest>

export interface TestWebhookDependencies {
  readonly db: Database
  readonly senders: Senders
  readonly webhooks: Pick<Webhooks, 'byIds'>
  readonly secrets: Pick<WebhookSecrets, 'open'>
  readonly receiver: Pick<Receiver, 'try'>
  /** Where clients elsewhere find this server. */
  readonly publicUrl: () => string
}

/** Sends a webhook what its sender would send, signed with its newest secret, and says what comes of it. */
export function createTestWebhook(dependencies: TestWebhookDependencies): TestWebhookCommand {
  const { db, senders, webhooks, secrets, receiver, publicUrl } = dependencies
  const sources = createSources(db)

  return async ({ id, repository, tag, follow }) => {
    const webhook = webhooks.byIds([id]).get(id)
    if (!webhook) throw new NotFoundError('there is no webhook of this id')
    const followed = sources
      .some(webhook.namespace, webhook.registry)
      .find((place) => isBelow(webhook, place.repository))
    if (repository != null && !isRepositoryName(repository)) {
      throw new InvalidInputError('repository', 'repository is one without its registry: team/app')
    }
    const named = repository == null ? followed : { repository, tag: null }
    const below = webhook.repositories[0]
    const image = {
      registry: webhook.registry,
      repository: spelled(named?.repository ?? (below ? `${below}/app` : 'team/app'), webhook.registry),
      tag: checkTagName(tag ?? named?.tag ?? 'latest'),
      // nobody's: a test never looks like an image that is there
      digest: digestOf(Buffer.from(`a test of the webhook ${webhook.key}`)),
    }
    const place = {
      url: publicUrl() + pathOf(webhook),
      secret: secrets.open(webhook)[0] ?? '',
      settings: settingsOf(webhook),
    }
    const delivery = senders[webhook.sender].sample(place, image)
    const tried = await receiver.try(webhook, delivery, follow)
    const from = sources.of(webhook.namespace)
    return { ...tried, webhook, targets: tried.hints.flatMap((hint) => from.targetsOf(hint)) }
  }
}
