import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Repository } from '../../registry/content/content.ts'
import type { ReadTagHistory } from './history.ts'
import { createJudges, isYoung, MANIFEST_LINK, type ManifestLink, type Verdict } from './kept.ts'
import type { Terms } from './terms.ts'

export interface ManifestCollection {
  /**
   * Takes from the repository what the policy does not keep; gives how many went. Their images, the tags' histories and
   * the push log stay: the stream goes on telling what a tag meant.
   */
  sweep(repository: Repository, terms: Terms, signal: AbortSignal | undefined): Promise<number>
  /** Every manifest of the repository by digest, judged. */
  judge(
    repository: Repository,
    terms: Terms,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ readonly manifest: ManifestLink; readonly verdict: Verdict }>
}

export function createManifestCollection(db: Database, readHistory: ReadTagHistory): ManifestCollection {
  const judges = createJudges(db)
  const page = db.prepare<ManifestLink>(
    `select ${MANIFEST_LINK} from repository_manifests m where m.repository_id = ? and m.digest > ?
     order by m.digest limit ${BATCH}`,
  )
  const unlink = db.prepare('delete from repository_manifests where repository_id = ? and digest = ?')

  return {
    async sweep(repository, terms, signal) {
      if (terms.untaggedBefore === null) return 0
      const history = await readHistory(repository.streamId, terms.keepTagRevisions, signal)
      const judge = judges({ repository, history, terms, isDryRun: false })

      const sweepPage = (after: string) =>
        db.transact(() => {
          history.refresh()
          let gone = 0
          const rows = page.all(repository.id, after)
          for (const manifest of rows) {
            const verdict = isYoung(manifest, terms) ? undefined : judge(manifest)
            // with what is above it: walked once, and not once for each that is below
            for (const { digest } of verdict && 'goes' in verdict ? verdict.goes : []) {
              gone += unlink.run(repository.id, digest).changes
            }
          }
          return { gone, last: rows.at(-1)?.digest }
        })

      let total = 0
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { gone, last } = sweepPage(after)
        total += gone
        after = last
        await yieldToEventLoop(signal)
      }
      return total
    },

    async *judge(repository, terms, signal) {
      const history = await readHistory(repository.streamId, terms.keepTagRevisions, signal)
      const judge = judges({ repository, history, terms, isDryRun: true })
      for (let after: string | undefined = ''; after !== undefined; ) {
        const rows = page.all(repository.id, after)
        for (const manifest of rows) yield { manifest, verdict: judge(manifest) }
        after = rows.at(-1)?.digest
        await yieldToEventLoop(signal)
      }
    },
  }
}
