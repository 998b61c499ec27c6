import type { AttemptResult } from '../concurrency/keyed-queues.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { ImageGoneError } from '../imagestream/image/image.ts'
import type { Digest } from '../oci/digest.ts'
import { InvalidManifestError } from '../oci/manifest.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Notification, NotificationInbox } from './notification-inbox.ts'
import { type ExternalOrigin, originOf } from './origin.ts'
import type { ExternalRepository } from './repository.ts'
import type { ExternalTag, ExternalTags } from './tags.ts'

interface NotificationHandlerDependencies {
  readonly db: Database
  readonly inbox: NotificationInbox
  readonly tags: ExternalTags
  readonly open: (repository: string) => ExternalRepository
  readonly signal: AbortSignal
  /** Receives problems of the registry or its content. */
  readonly warn: (message: string) => void
  readonly onInternalError: (error: unknown) => void
}

/** Attempts after which content that the registry cannot return is given up. */
const MAX_ATTEMPTS_FOR_CONTENT = 6

/**
 * Returns a function that handles one notification. A notification is a hint: the state that the registry returns is
 * recorded, in one transaction with the end of the notification. Never rejects.
 */
export function createNotificationHandler(
  dependencies: NotificationHandlerDependencies,
): (notification: Notification, failures: number) => Promise<AttemptResult> {
  const { db, inbox, tags, signal, warn, onInternalError } = dependencies

  const finish = (id: number, write: (tx: Transaction) => void = () => {}): Promise<void> =>
    db.transactTogether((tx) => {
      write(tx)
      inbox.done(tx, id)
    })

  const handlePush = async (
    notification: Notification,
    origin: ExternalOrigin,
    digest: Digest,
  ): Promise<void> => {
    const { id, tag, repository } = notification
    const remote = dependencies.open(repository)
    if (tag !== null && inbox.isOutdated(notification)) {
      // late, or from a clock that is behind: recorded only if the registry still returns the same digest
      const current = await remote.resolve(tag, digest)
      if (current !== digest) return finish(id)
    }
    using session = remote.begin()
    const image = await remote.fetchImage(session, digest)
    await finish(id, (tx) => {
      if (image) tags.record(tx, origin, tag, image)
    })
  }

  const handleDeletion = async (notification: Notification, origin: ExternalOrigin): Promise<void> => {
    const { id, repository, occurredAt } = notification
    const remote = dependencies.open(repository)
    const gone: ExternalTag[] = []
    for (const tag of affectedTags(notification, origin, tags)) {
      if ((await remote.resolve(tag.tag, tag.digest)) === null) gone.push(tag)
    }
    await finish(id, (tx) => {
      for (const tag of gone) {
        const hasLaterPush = inbox.hasLaterPush({ repository, tag: tag.tag, occurredAt })
        if (!hasLaterPush && tags.isUnchanged(origin, tag.tag, tag)) tags.remove(tx, origin, tag)
      }
    })
  }

  const handle = async (notification: Notification): Promise<void> => {
    const { id, action, repository, digest } = notification
    const origin = originOf(repository)
    if (action === 'delete') return handleDeletion(notification, origin)
    return digest === null ? finish(id) : handlePush(notification, origin, digest)
  }

  const giveUp = async ({ id }: Notification): Promise<AttemptResult> => {
    try {
      await finish(id)
      return 'done'
    } catch (error) {
      onInternalError(error)
      return 'retry'
    }
  }

  return async (notification, failures) => {
    try {
      await handle(notification)
      return 'done'
    } catch (error) {
      if (signal.aborted || error instanceof ImageGoneError) return 'retry'
      if (!(error instanceof RegistryError || error instanceof InvalidManifestError)) {
        onInternalError(error)
        return 'retry'
      }
      if (isPermanent(error, failures)) {
        warn(`the push to ${nameOf(notification)} is not recorded: ${error.message}`)
        return giveUp(notification)
      }
      if (failures === 0) {
        warn(`${error.message}; the notification about ${notification.repository} is retried`)
      }
      return 'retry'
    }
  }
}

/** Returns the tags that a deletion may have removed: only tags whose newest entry comes from the repository. */
function affectedTags(
  { tag, digest }: Notification,
  origin: ExternalOrigin,
  tags: ExternalTags,
): readonly ExternalTag[] {
  if (tag === null) return tags.tagsFrom(origin).filter((each) => digest === null || each.digest === digest)
  const found = tags.find(origin, tag)
  return found && tags.isFrom(origin, found) ? [found] : []
}

/** Reports whether retries cannot help: a verified manifest stays invalid; other failures may be temporary. */
function isPermanent(error: RegistryError | InvalidManifestError, failures: number): boolean {
  if (error instanceof InvalidManifestError) return true
  const isOfContent = error.reason === 'InvalidManifest' || error.status === 500
  return isOfContent && failures + 1 >= MAX_ATTEMPTS_FOR_CONTENT
}

const nameOf = ({ repository, tag, digest }: Notification): string =>
  `${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`
