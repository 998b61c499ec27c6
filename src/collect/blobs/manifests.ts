import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { repositoryManifests } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../../registry/content/content.ts'
import { pagesOf } from '../kept/pages.ts'
import {
  createManifestJudges,
  isYoung,
  type ManifestJudge,
  type ManifestLink,
  type ManifestVerdict,
} from './kept-manifests.ts'
import type { ReadTagHistory, TaggedImages } from './tag-history.ts'
import type { CollectionTerms } from './terms.ts'

export interface ManifestCollection {
  /**
   * Removes manifests that the policy does not keep from the repository, and returns their number. Their images, the
   * histories of tags and the push log remain.
   */
  removeUnkept(
    repository: Repository,
    terms: CollectionTerms,
    signal: AbortSignal | undefined,
  ): Promise<number>
  /** Yields every manifest of the repository by digest, with its verdict. */
  judge(
    repository: Repository,
    terms: CollectionTerms,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ readonly manifest: ManifestLink; readonly verdict: ManifestVerdict }>
}

export function createManifestCollection(db: Database, readHistory: ReadTagHistory): ManifestCollection {
  const judges = createManifestJudges(db)
  const { repositoryId, digest, imageId, subject, pushedAt, confirmedAt } = repositoryManifests
  const page = db.orm
    .select({ digest, imageId, subject, pushedAt, confirmedAt })
    .from(repositoryManifests)
    .where(and(eq(repositoryId, sql.placeholder('repositoryId')), gt(digest, sql.placeholder('after'))))
    .orderBy(asc(digest))
    .limit(BATCH)
    .prepare()
  const unlink = db.orm
    .delete(repositoryManifests)
    .where(and(eq(repositoryId, sql.placeholder('repositoryId')), eq(digest, sql.placeholder('digest'))))
    .prepare()

  const removePage = (
    repository: Repository,
    after: string,
    { history, judge, terms }: { history: TaggedImages; judge: ManifestJudge; terms: CollectionTerms },
  ): { readonly removed: number; readonly last: Digest | undefined } =>
    db.transact(() => {
      history.refresh()
      let removed = 0
      const rows = page.all({ repositoryId: repository.id, after })
      for (const manifest of rows) {
        const verdict = isYoung(manifest, terms) ? undefined : judge(manifest)
        // with the manifests above it: a chain is then searched once, not once for each manifest below
        for (const link of verdict && 'removable' in verdict ? verdict.removable : []) {
          removed += unlink.run({ repositoryId: repository.id, digest: link.digest }).changes
        }
      }
      return { removed, last: rows.at(-1)?.digest }
    })

  return {
    async removeUnkept(repository, terms, signal) {
      if (terms.untaggedBefore === null) return 0
      const history = await readHistory(repository.streamId, terms.keepTagRevisions, signal)
      const judge = judges({ repository, history, terms, isDryRun: false })
      let total = 0
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { removed, last } = removePage(repository, after, { history, judge, terms })
        total += removed
        after = last
        await yieldToEventLoop(signal)
      }
      return total
    },

    async *judge(repository, terms, signal) {
      const history = await readHistory(repository.streamId, terms.keepTagRevisions, signal)
      const judge = judges({ repository, history, terms, isDryRun: true })
      const read = (after: string) => page.all({ repositoryId: repository.id, after })
      for await (const rows of pagesOf({ first: '', read, keyOf: (row): string => row.digest }, signal)) {
        for (const manifest of rows) yield { manifest, verdict: judge(manifest) }
      }
    },
  }
}
