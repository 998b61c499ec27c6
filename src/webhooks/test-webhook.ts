import type { Database } from '../db/open.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkTagName } from '../input/names.ts'
import { digestOf } from '../oci/digest.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { SampleImage } from '../vendors/delivery/sender.ts'
import type { Senders } from '../vendors/senders.ts'
import { createHintTargets, type HintTarget } from './hint-targets.ts'
import type { Receiver, TestOutcome } from './receiver.ts'
import { canonicalRepository, isBelow } from './scope.ts'
import type { WebhookSecrets } from './secrets.ts'
import { pathOf, settingsOf, type Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

export interface TestWebhook {
  readonly id: number
  /** The repository of the sample; by default one that a stream of the namespace imports and that is in scope. */
  readonly repository?: string | null | undefined
  readonly tag?: string | null | undefined
  /** True to request the registry as for a delivery of the sender. */
  readonly follow: boolean
}

/** The result of a test delivery, and the tags that it concerns. */
export interface WebhookTest extends TestOutcome {
  readonly webhook: Webhook
  readonly targets: readonly HintTarget[]
}

/**
 * Receives a sample delivery, signed with the newest secret of the webhook. Throws NotFoundError, InvalidInputError, or as
 * the sealer does.
 */
export type TestWebhookCommand = (input: TestWebhook) => Promise<WebhookTest>

export interface TestWebhookDependencies {
  readonly db: Database
  readonly senders: Senders
  readonly webhooks: Pick<Webhooks, 'byIds'>
  readonly secrets: Pick<WebhookSecrets, 'open'>
  readonly receiver: Pick<Receiver, 'try'>
  /** Returns the URL by which clients reach this server. */
  readonly publicUrl: () => string
}

export function createTestWebhook(dependencies: TestWebhookDependencies): TestWebhookCommand {
  const { db, senders, webhooks, secrets, receiver, publicUrl } = dependencies
  const hintTargets = createHintTargets(db)

  const sampleImageOf = (webhook: Webhook, { repository, tag }: TestWebhook): SampleImage => {
    if (repository != null && !isRepositoryName(repository)) {
      throw new InvalidInputError(
        'repository',
        'repository must be a repository without its registry: team/app',
      )
    }
    const imported = hintTargets
      .placesOf(webhook.namespace, webhook.registry)
      .find((place) => isBelow(webhook, place.repository))
    const [below] = webhook.repositories
    const place = repository == null ? imported : { repository, tag: null }
    return {
      registry: webhook.registry,
      repository: canonicalRepository(
        place?.repository ?? (below ? `${below}/app` : 'team/app'),
        webhook.registry,
      ),
      tag: checkTagName(tag ?? place?.tag ?? 'latest'),
      // the digest of no image, so that a test never equals the current image of a tag
      digest: digestOf(Buffer.from(`a test of the webhook ${webhook.key}`)),
    }
  }

  return async (input) => {
    const webhook = webhooks.byIds([input.id]).get(input.id)
    if (!webhook) throw new NotFoundError('no webhook has this id')
    const image = sampleImageOf(webhook, input)
    const endpoint = {
      url: publicUrl() + pathOf(webhook),
      secret: secrets.open(webhook)[0] ?? '',
      settings: settingsOf(webhook),
    }
    const delivery = senders[webhook.sender].sample(endpoint, image)
    const result = await receiver.try(webhook, delivery, input.follow)
    const sources = hintTargets.of(webhook.namespace)
    return { ...result, webhook, targets: result.hints.flatMap((hint) => sources.targetsOf(hint)) }
  }
}
