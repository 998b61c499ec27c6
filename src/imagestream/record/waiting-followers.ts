import { type SetTimer, systemTimer } from '../../concurrency/clock.ts'
import { repeatable } from '../../concurrency/repeatable.ts'
import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagAddress } from '../tag/tag-change.ts'

/** Spec tags that follow a tag and have not got its image yet: those whose rows come after a number. */
export interface WaitingFollowers {
  readonly source: TagAddress
  readonly after: number
}

interface WaitingDependencies {
  readonly db: Database
  /** Moves some of the followers; adds the others again. */
  readonly move: (tx: Transaction, waiting: WaitingFollowers) => void
  /** Receives what a write throws; it is repeated after some seconds. */
  readonly onError: (error: unknown) => void
  readonly setTimer?: SetTimer
}

const RETRY = 10_000

/**
 * Creates the queue of tags with more followers than one transaction moves. It is in memory: whether a follower waits can be
 * read from the tags, as `restore` does after a crash.
 */
export function createWaitingFollowers({ db, move, onError, setTimer = systemTimer }: WaitingDependencies) {
  const waiting = new Map<string, WaitingFollowers>()
  let isStopped = false
  let cancelTimer = (): void => {}

  const behind = db.prepare<TagAddress>(`
    select distinct s.id as streamId, s.namespace, s.name as streamName, t.name as tag from spec_tags p
      join image_streams s on s.namespace = p.follows_namespace and s.name = p.follows_stream and s.deleted_at is null
      join tags t on t.stream_id = s.id and t.name = p.follows_tag
      left join tags own on own.stream_id = p.stream_id and own.name = p.name
    where p.follows_tag is not null and t.newest_image_id is not null and own.failing is null
      and own.newest_image_id is not t.newest_image_id and ifnull(own.newest_event_id, 0) < t.newest_event_id`)

  const add = ({ source, after }: WaitingFollowers): void => {
    const key = JSON.stringify([source.streamId, source.tag])
    const known = waiting.get(key)
    // all of them get the image that the tag has when they move
    waiting.set(key, { source, after: Math.min(after, known?.after ?? after) })
  }

  const run = async (): Promise<void> => {
    for (const [key, next] of waiting) {
      await turnToRead()
      if (isStopped) return
      waiting.delete(key)
      try {
        db.transact((tx) => move(tx, next))
      } catch (error) {
        add(next)
        throw error
      }
    }
  }

  const start: () => void = repeatable(run, (error) => {
    onError(error)
    if (!isStopped) cancelTimer = setTimer(start, RETRY)
  })

  return {
    /** Moves the followers after the commit, in transactions of their own. */
    add(tx: Transaction, followers: WaitingFollowers): void {
      tx.afterCommit(() => {
        add(followers)
        start()
      })
    },

    /** Moves the followers that waited when the process ended. */
    restore(): void {
      for (const source of behind.all()) add({ source, after: 0 })
      start()
    },

    [Symbol.dispose](): void {
      isStopped = true
      cancelTimer()
    },
  }
}
