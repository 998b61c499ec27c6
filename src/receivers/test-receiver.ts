import type { Viewer } from '../access/right/viewer.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkTagName } from '../input/names.ts'
import { digestOf } from '../oci/digest.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { SampleImage } from '../vendors/delivery/sender.ts'
import type { ReceiverContext } from './context.ts'
import type { DeliveryHistory } from './delivery-history.ts'
import type { DeliveryIntake } from './delivery-intake.ts'
import { createHintTargets } from './hint-targets.ts'
import { pathOf, type Receiver, settingsOf } from './receiver.ts'
import type { Receivers } from './receivers.ts'
import { canonicalRepository, isBelow } from './scope.ts'

/** A test of a receiver. */
export interface TestReceiver {
  readonly id: number
  /** The repository of the sample; by default one that a stream of the namespace imports and that is in scope. */
  readonly repository?: string | null | undefined
  readonly tag?: string | null | undefined
  /** True to request the registry as for a delivery of the sender. */
  readonly follow: boolean
  /** Seconds to wait for the imports of a followed test. */
  readonly waitSeconds: number
}

/** The command that tests a receiver. */
export type TestReceiverCommand = ReturnType<typeof createTestReceiver>
/** The result of a test delivery, and the tags that it concerns. */
export type ReceiverTest = Awaited<ReturnType<TestReceiverCommand>>

export interface TestReceiverDependencies extends ReceiverContext {
  readonly receivers: Receivers
  readonly intake: DeliveryIntake
  readonly log: Pick<DeliveryHistory, 'deliveriesByIds'>
  /** Resolves when the delivery needs no further import now, or after so many seconds. */
  readonly settled: (deliveryId: number, seconds: number) => Promise<void>
}

/**
 * Returns a function that receives a sample delivery, signed with the newest secret of the receiver. It throws NotFoundError,
 * InvalidInputError, or as the sealer does.
 */
export function createTestReceiver(dependencies: TestReceiverDependencies) {
  const { db, senders, secrets, publicUrl, receivers, intake, log, settled } = dependencies
  const hintTargets = createHintTargets(db)

  const sampleImageOf = (receiver: Receiver, { repository, tag }: TestReceiver): SampleImage => {
    if (repository != null && !isRepositoryName(repository)) {
      throw new InvalidInputError(
        'repository',
        'repository must be a repository without its registry: team/app',
      )
    }
    const imported = hintTargets
      .placesOf(receiver.namespace, receiver.registry)
      .find((place) => isBelow(receiver, place.repository))
    const [below] = receiver.repositories
    const place = repository == null ? imported : { repository, tag: null }
    return {
      registry: receiver.registry,
      repository: canonicalRepository(
        place?.repository ?? (below ? `${below}/app` : 'team/app'),
        receiver.registry,
      ),
      tag: checkTagName(tag ?? place?.tag ?? 'latest'),
      // the digest of no image, so that a test never equals the current image of a tag
      digest: digestOf(Buffer.from(`a test of the receiver ${receiver.key}`)),
    }
  }

  return async (viewer: Viewer, input: TestReceiver) => {
    const receiver = receivers.find(viewer, input.id)
    const image = sampleImageOf(receiver, input)
    const endpoint = {
      url: publicUrl() + pathOf(receiver),
      secret: secrets.open(receiver)[0] ?? '',
      settings: settingsOf(receiver),
    }
    const delivery = senders[receiver.sender].sample(endpoint, image)
    receivers.recordTest(viewer, receiver)
    const { deliveryId, hints } = await intake.try(receiver, delivery, input.follow)
    const sources = hintTargets.of(receiver.namespace)
    const targets = hints.flatMap((hint) => sources.targetsOf(hint))
    if (input.follow) await settled(deliveryId, input.waitSeconds)
    const logged = log.deliveriesByIds([deliveryId]).get(deliveryId)
    if (!logged) throw new NotFoundError('the receiver was deleted during the test')
    return { receiver, delivery: logged, targets }
  }
}
