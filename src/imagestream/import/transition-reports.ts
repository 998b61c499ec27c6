import { LRUCache } from 'lru-cache'
import { SYSTEM } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Import } from '../stored-import/import-state.ts'
import type { Streams } from '../stream/stream.ts'
import type { ImportTransition } from '../tag/tag-change.ts'

/** Tags of one import that are reported one by one when they begin to fail, and when they cease to. */
export const REPORTED_TAGS = 10

/** Imports whose tags are counted at a time: more than run. */
const MAXIMUM_COUNTED = 1000

/** A tag, or the whole repository of a stream, that cannot be imported any longer, or can be imported again. */
export interface TransitionReport extends Pick<ImportTransition, 'tag' | 'failure'> {
  readonly namespace: string
  readonly imageStream: string
}

/** Further tags of one import, which are not reported one by one. */
export interface FurtherTags extends Pick<TransitionReport, 'namespace' | 'imageStream'> {
  readonly failing: number
  readonly recovered: number
}

export interface TransitionReportsDependencies {
  readonly streams: Pick<Streams, 'byIds'>
  /** Runs after the commit. */
  readonly onReport: (report: TransitionReport) => void
  /** Runs after the end of an import with more tags than are reported one by one. */
  readonly onFurtherTags: (tags: FurtherTags) => void
}

/**
 * Creates the reports of what begins and ceases to fail: one for each transition, which the database stores, so that a
 * lasting failure is reported once. An import of many thousands of tags reports the first ones, and the number of the others.
 */
export function createTransitionReports({ streams, onReport, onFurtherTags }: TransitionReportsDependencies) {
  /** Numbers of tags, by running import. An import whose stream is deleted never ends: its entry is evicted. */
  const counts = new LRUCache<number, { failing: number; recovered: number }>({ max: MAXIMUM_COUNTED })

  /** Counts the tag. Reports whether it is one of the first of its import. */
  const isReported = ({ tag, importId, failure }: ImportTransition): boolean => {
    if (tag === null || importId === null) return true
    const count = counts.get(importId) ?? { failing: 0, recovered: 0 }
    counts.set(importId, count)
    return ++count[failure ? 'failing' : 'recovered'] <= REPORTED_TAGS
  }

  return {
    onTransition(tx: Transaction, transition: ImportTransition): void {
      // after the commit: a transaction may run twice
      tx.afterCommit(() => {
        if (!isReported(transition)) return
        const { streamId, tag, failure } = transition
        const stream = streams.byIds(SYSTEM, [streamId]).get(streamId)
        if (stream) onReport({ namespace: stream.namespace, imageStream: stream.name, tag, failure })
      })
    },
    /** Runs in the transaction that ends an import. */
    onFinished(
      tx: Transaction,
      { namespace, name: imageStream }: { readonly namespace: string; readonly name: string },
      { id }: Pick<Import, 'id'>,
    ): void {
      tx.afterCommit(() => {
        const count = counts.get(id)
        counts.delete(id)
        if (!count) return
        const failing = Math.max(0, count.failing - REPORTED_TAGS)
        const recovered = Math.max(0, count.recovered - REPORTED_TAGS)
        if (failing + recovered > 0) onFurtherTags({ namespace, imageStream, failing, recovered })
      })
    },
  }
}
