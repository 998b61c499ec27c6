import type { AttemptResult } from '../concurrency/keyed-queues.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { ImageGoneError } from '../imagestream/image/image.ts'
import type { Digest } from '../oci/digest.ts'
import { InvalidManifestError } from '../oci/manifest.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { type Origin, originOf } from './origin.ts'
import type { ExternalInbox, ExternalNotification } from './ports.ts'
import type { ExternalRepository } from './repository.ts'
import type { ExternalTag, ExternalTags } from './tags.ts'

export interface NotificationWorkDependencies {
  readonly db: Database
  readonly inbox: ExternalInbox
  readonly tags: ExternalTags
  readonly open: (repository: string) => ExternalRepository
  readonly signal: AbortSignal
  /** Told, once for each cause, of what the registry did and we cannot follow. */
  readonly warn: (message: string) => void
  /** Told of an error that is nobody's fault but ours. */
  readonly onInternalError: (error: unknown) => void
}

/** Attempts after which content that the registry itself cannot give is no longer waited for. */
const ATTEMPTS_AT_BROKEN_CONTENT = 6

/**
 * Works off one notification: what it tells is a hint, and only what the registry answers is recorded, together with
 * that the notification is done. Never rejects.
 */
export function createNotificationWork(
  dependencies: NotificationWorkDependencies,
): (notification: ExternalNotification, failures: number) => Promise<AttemptResult> {
  const { db, inbox, tags, signal, warn, onInternalError } = dependencies

  const finish = (id: number, write: (tx: Transaction) => void = () => {}): Promise<void> =>
    db.transactTogether(
      (tx) => {
        write(tx)
        inbox.done(tx, id)
      },
      { patient: false },
    )

  const pushed = async (
    notification: ExternalNotification,
    origin: Origin,
    digest: Digest,
  ): Promise<void> => {
    const { id, tag, repository } = notification
    const remote = dependencies.open(repository)
    if (tag !== null && inbox.isOutdated(notification)) {
      // late, or from a clock that is behind: it is news only when the registry says the same now
      const current = await remote.resolve(tag, digest)
      if (current !== digest) return finish(id)
    }
    using session = remote.begin()
    const image = await remote.fetchImage(session, digest)
    await finish(id, (tx) => {
      if (image) tags.record(tx, origin, tag, image)
    })
  }

  const deleted = async (notification: ExternalNotification, origin: Origin): Promise<void> => {
    const { id, repository, occurredAt } = notification
    const remote = dependencies.open(repository)
    const gone: ExternalTag[] = []
    for (const tag of meantTags(notification, origin, tags)) {
      if ((await remote.resolve(tag.tag, tag.digest)) === null) gone.push(tag)
    }
    await finish(id, (tx) => {
      for (const tag of gone) {
        const isNewer = inbox.knowsLaterPush({ repository, tag: tag.tag, occurredAt })
        if (!isNewer && tags.isStill(origin, tag.tag, tag)) tags.remove(tx, tag)
      }
    })
  }

  const workOff = async (notification: ExternalNotification): Promise<void> => {
    const { id, action, repository, digest } = notification
    const origin = originOf(repository)
    if (!origin) {
      warn(`${repository} cannot be an image stream: what is pushed there is not recorded`)
      return finish(id)
    }
    if (action === 'delete') return deleted(notification, origin)
    return digest === null ? finish(id) : pushed(notification, origin, digest)
  }

  return async (notification, failures) => {
    try {
      await workOff(notification)
      return 'done'
    } catch (error) {
      if (signal.aborted || error instanceof ImageGoneError) return 'retry'
      if (!(error instanceof RegistryError || error instanceof InvalidManifestError)) {
        onInternalError(error)
        return 'retry'
      }
      if (!isHopeless(error, failures)) {
        if (failures === 0)
          warn(`${error.message}; what it told of ${notification.repository} is tried again`)
        return 'retry'
      }
      warn(`what was pushed to ${nameOf(notification)} is not recorded: ${error.message}`)
      return giveUp(notification)
    }
  }

  async function giveUp({ id }: ExternalNotification): Promise<AttemptResult> {
    try {
      await finish(id)
      return 'done'
    } catch (error) {
      onInternalError(error)
      return 'retry'
    }
  }
}

/** The tags of ours that a deletion may have taken: only those that the registry gave. */
function meantTags(
  { tag, digest }: ExternalNotification,
  origin: Origin,
  tags: ExternalTags,
): readonly ExternalTag[] {
  if (tag === null) return tags.fromHere(origin).filter((each) => digest === null || each.digest === digest)
  const found = tags.find(origin, tag)
  return found && tags.isFromHere(origin, found) ? [found] : []
}

/** Bytes that are verified and make no sense never will; other trouble with one image may pass, or be its own. */
function isHopeless(error: RegistryError | InvalidManifestError, failures: number): boolean {
  if (error instanceof InvalidManifestError) return true
  const isOfContent = error.reason === 'InvalidManifest' || error.status === 500
  return isOfContent && failures + 1 >= ATTEMPTS_AT_BROKEN_CONTENT
}

const nameOf = ({ repository, tag, digest }: ExternalNotification): string =>
  `${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`
