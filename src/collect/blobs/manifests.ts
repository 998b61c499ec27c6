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
import { createReadTagHistory, type TaggedImages } from './tag-history.ts'
import type { CollectionTerms } from './terms.ts'

/** Creates the judgement and removal of the manifests of repositories. */
export function createManifestCollection(db: Database) {
  const readHistory = createReadTagHistory(db)
  const judges = createManifestJudges(db)
  const { repositoryId, digest, imageId, subject, pushedAt, confirmedAt } = repositoryManifests
  const pageOf = ({ id }: Repository, after: string): ManifestLink[] =>
    db.orm
      .select({ digest, imageId, subject, pushedAt, confirmedAt })
      .from(repositoryManifests)
      .where(and(eq(repositoryId, id), gt(digest, sql`${after}`)))
      .orderBy(asc(digest))
      .limit(BATCH)
      .all()
  // runs for each removed manifest
  const unlink = db.orm
    .delete(repositoryManifests)
    .where(and(eq(repositoryId, sql.placeholder('id')), eq(digest, sql.placeholder('digest'))))
    .prepare()

  const removePage = (
    repository: Repository,
    after: string,
    { history, judge, terms }: { history: TaggedImages; judge: ManifestJudge; terms: CollectionTerms },
  ): { readonly removed: number; readonly last: Digest | undefined } =>
    db.transact(() => {
      history.refresh()
      let removed = 0
      const rows = pageOf(repository, after)
      for (const manifest of rows) {
        const verdict = isYoung(manifest, terms) ? undefined : judge.judge(manifest)
        // with the manifests above it: a chain is then searched once, not once for each manifest below
        for (const link of verdict && 'removable' in verdict ? verdict.removable : []) {
          removed += unlink.run({ id: repository.id, digest: link.digest }).changes
        }
      }
      return { removed, last: rows.at(-1)?.digest }
    })

  return {
    /**
     * Removes manifests that the policy does not keep from the repository, and returns their number. Their images, the
     * histories of tags and the change log remain.
     */
    async removeUnkept(repository: Repository, terms: CollectionTerms, signal: AbortSignal): Promise<number> {
      if (terms.untaggedBefore === null) return 0
      const history = await readHistory(repository.streamId, terms, signal)
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

    /** Yields every manifest of the repository after a digest, by digest, with its verdict. */
    async *judge(
      repository: Repository,
      terms: CollectionTerms,
      { after: start = '', signal }: { readonly after?: string; readonly signal: AbortSignal },
    ): AsyncGenerator<{ readonly manifest: ManifestLink; readonly verdict: ManifestVerdict }> {
      const history = await readHistory(repository.streamId, terms, signal)
      const judge = judges({ repository, history, terms, isDryRun: true })
      const read = (after = start) => pageOf(repository, after)
      for await (const rows of pagesOf('digest', read, signal)) {
        for (const manifest of rows) yield { manifest, verdict: judge.judge(manifest) }
      }
    },
  }
}
