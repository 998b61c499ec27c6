import { InvalidInputError } from '../input/errors.ts'
import { checkTagName } from '../input/names.ts'
import { digestOf } from '../oci/digest.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { SampleImage } from '../vendors/delivery/sender.ts'
import type { WebhookContext } from './context.ts'
import { createHintTargets } from './hint-targets.ts'
import type { Receiver } from './receiver.ts'
import { canonicalRepository, isBelow } from './scope.ts'
import { pathOf, settingsOf, type Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

/** A test of a webhook. */
export interface TestWebhook {
  readonly id: number
  /** The repository of the sample; by default one that a stream of the namespace imports and that is in scope. */
  readonly repository?: string | null | undefined
  readonly tag?: string | null | undefined
  /** True to request the registry as for a delivery of the sender. */
  readonly follow: boolean
}

/** The command that tests a webhook. */
export type TestWebhookCommand = ReturnType<typeof createTestWebhook>
/** The result of a test delivery, and the tags that it concerns. */
export type WebhookTest = Awaited<ReturnType<TestWebhookCommand>>

/**
 * Returns a function that receives a sample delivery, signed with the newest secret of the webhook. It throws NotFoundError,
 * InvalidInputError, or as the sealer does.
 */
export function createTestWebhook(context: WebhookContext, webhooks: Webhooks, receiver: Receiver) {
  const { db, senders, secrets, publicUrl } = context
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

  return async (input: TestWebhook) => {
    const webhook = webhooks.find(input.id)
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
