import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { PAGE, pagesOf } from '../kept/pages.ts'
import type { CollectionTerms } from './terms.ts'

/** The repository whose blobs are checked. */
export interface LinkScope {
  readonly repositoryId: number
  readonly signal: AbortSignal
  /** In a dry run: reports whether a manifest would be removed. */
  readonly isGone?: (manifest: Digest) => boolean
}

/** Links that are checked at a time: limits the memory of a run. */
const CHUNK = 20 * PAGE
/** Manifests that one statement reads. */
const MANIFESTS = 200
/** Manifests whose references one statement reads: a manifest may have thousands. */
const MANIFESTS_TOGETHER = 20
/** A blob that more manifests of all repositories name is popular. */
const POPULAR = 100

/** Statements about thousands of links each; a page must stay about a millisecond: prepared SQL with a fixed plan. */
function prepareStatements(db: Database) {
  const unlink = (naming: string) =>
    db.prepare(
      `delete from repository_blobs as l where repository_id = ? and digest = ? and confirmed_at < ?
       and not exists (select 1 from ${naming})`,
    )
  return {
    // only the key, which its index contains; whether a link is confirmed is checked for the few that are left
    links: db.prepare<{ digest: Digest }>(
      `select digest from repository_blobs where repository_id = ? and digest > ? order by digest limit ${PAGE}`,
    ),
    manifests: db.prepare<{ digest: Digest; imageId: number }>(
      `select digest, image_id as imageId from repository_manifests
       where repository_id = ? and digest > ? order by digest limit ${MANIFESTS}`,
    ),
    namedBetween: db.prepare<{ digest: Digest }>(
      `select r.digest from json_each(?) i cross join manifest_references r on r.image_id = i.value
       and r.digest >= ? and r.digest <= ?`,
    ),
    // Two forms of one condition: through all manifests that name the blob, or through the repository's manifests. For a
    // layer of a base image the first would read thousands of other repositories' manifests.
    unlinkRare: unlink(`manifest_references r cross join images i on i.id = r.image_id
      cross join repository_manifests m on m.repository_id = l.repository_id and m.digest = i.digest
      where r.digest = l.digest`),
    unlinkPopular: unlink(`repository_manifests m
      cross join manifest_references r on r.image_id = m.image_id and r.digest = l.digest
      where m.repository_id = l.repository_id`),
    isPopular: db.prepare(
      `select 1 as popular from manifest_references where digest = ? limit 1 offset ${POPULAR}`,
    ),
  }
}

/** Creates the reads and removals of blobs that no manifest of their repository names. */
export function createLinkCollection(db: Database) {
  const statements = prepareStatements(db)

  async function* linksInChunks({ repositoryId, signal }: LinkScope): AsyncGenerator<Set<Digest>> {
    let chunk = new Set<Digest>()
    const read = (after = '') => statements.links.all(repositoryId, after)
    for await (const rows of pagesOf('digest', read, signal)) {
      for (const { digest } of rows) chunk.add(digest)
      if (chunk.size < CHUNK) continue
      yield chunk
      chunk = new Set()
    }
    if (chunk.size > 0) yield chunk
  }

  async function dropNamed(chunk: Set<Digest>, { repositoryId, signal, isGone }: LinkScope): Promise<void> {
    // the chunk is sorted: only references in its range are read
    const digests = [...chunk]
    const [first = '', last = ''] = [digests[0], digests.at(-1)]
    const read = (after = '') => (chunk.size > 0 ? statements.manifests.all(repositoryId, after) : [])
    for await (const rows of pagesOf('digest', read, signal)) {
      const images = rows.filter(({ digest }) => !isGone?.(digest)).map(({ imageId }) => imageId)
      for (const some of inBatches(images, MANIFESTS_TOGETHER)) {
        for (const { digest } of statements.namedBetween.all(JSON.stringify(some), first, last)) {
          chunk.delete(digest)
        }
      }
    }
  }

  /** Yields blobs of the repository that none of its manifests names, in parts, whether or not they are confirmed. */
  async function* unreferenced(scope: LinkScope): AsyncGenerator<readonly Digest[]> {
    for await (const chunk of linksInChunks(scope)) {
      await dropNamed(chunk, scope)
      if (chunk.size > 0) yield [...chunk]
    }
  }

  return {
    unreferenced,

    /** Removes those that were not confirmed within the lease from the repository. */
    async removeUnreferenced(scope: LinkScope, { leaseStart }: CollectionTerms): Promise<void> {
      const { repositoryId, signal } = scope
      const { isPopular, unlinkPopular, unlinkRare } = statements
      for await (const digests of unreferenced(scope)) {
        for (const batch of inBatches(digests)) {
          db.transact(() => {
            for (const digest of batch) {
              const unlink = isPopular.get(digest) ? unlinkPopular : unlinkRare
              unlink.run(repositoryId, digest, leaseStart)
            }
          })
          await yieldToEventLoop(signal)
        }
      }
    },
  }
}
