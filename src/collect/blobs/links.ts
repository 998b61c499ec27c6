import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { PAGE } from '../pages.ts'
import type { Terms } from './terms.ts'

/** Where blobs are looked for. */
export interface LinkScope {
  readonly repositoryId: number
  readonly signal: AbortSignal | undefined
  /** Manifests that count as gone already, for the dry run. */
  readonly isGone?: (manifest: Digest) => boolean
}

export interface LinkCollection {
  /** Blobs of the repository that none of its manifests names, in parts; also those that are confirmed. */
  unreferenced(scope: LinkScope): AsyncGenerator<readonly Digest[]>
  /** Takes those from the repository that nobody was told of within the lease. */
  sweep(scope: LinkScope, terms: Terms): Promise<void>
}

/** Links that are marked at once: what a run needs of memory, however large a repository is. */
const CHUNK = 20 * PAGE
const MANIFESTS = 200
/** Manifests whose references are read at once: each may have thousands. */
const TOGETHER = 20
/** Manifests, of all repositories, that name a blob. */
const POPULAR = 100

export function createLinkCollection(db: Database): LinkCollection {
  // the key alone, which is read from its index; whether one is confirmed is asked of the few that are left
  const links = db.prepare<{ digest: Digest }>(
    `select digest from repository_blobs where repository_id = ? and digest > ? order by digest limit ${PAGE}`,
  )
  const manifests = db.prepare<{ digest: Digest; imageId: number }>(
    `select digest, image_id as imageId from repository_manifests
     where repository_id = ? and digest > ? order by digest limit ${MANIFESTS}`,
  )
  const namedBetween = db.prepare<{ digest: Digest }>(
    `select r.digest from json_each(?) i cross join manifest_references r on r.image_id = i.value
     and r.digest >= ? and r.digest <= ?`,
  )
  const unlink = (naming: string) =>
    db.prepare(
      `delete from repository_blobs as l where repository_id = ? and digest = ? and confirmed_at < ?
       and not exists (select 1 from ${naming})`,
    )
  // Two ways to ask the same: through all that names the blob anywhere, or through what the repository has. The first
  // would pass over thousands of other repositories' manifests for a layer of a base image that is not wanted here.
  const unlinkRare = unlink(`manifest_references r cross join images i on i.id = r.image_id
    cross join repository_manifests m on m.repository_id = l.repository_id and m.digest = i.digest
    where r.digest = l.digest`)
  const unlinkPopular = unlink(`repository_manifests m
    cross join manifest_references r on r.image_id = m.image_id and r.digest = l.digest
    where m.repository_id = l.repository_id`)
  const isPopular = db.prepare(
    `select 1 as popular from manifest_references where digest = ? limit 1 offset ${POPULAR}`,
  )

  async function* linksInChunks({ repositoryId, signal }: LinkScope): AsyncGenerator<Set<Digest>> {
    let chunk = new Set<Digest>()
    for (let after: string | undefined = ''; after !== undefined; ) {
      const rows = links.all(repositoryId, after)
      for (const { digest } of rows) chunk.add(digest)
      after = rows.at(-1)?.digest
      await yieldToEventLoop(signal)
      if (chunk.size < CHUNK) continue
      yield chunk
      chunk = new Set()
    }
    if (chunk.size > 0) yield chunk
  }

  async function dropNamed(chunk: Set<Digest>, { repositoryId, signal, isGone }: LinkScope): Promise<void> {
    // they came in order: manifests are asked only for what they name of this range
    const digests = [...chunk]
    const [first = '', last = ''] = [digests[0], digests.at(-1)]
    for (let after: string | undefined = ''; after !== undefined && chunk.size > 0; ) {
      const rows = manifests.all(repositoryId, after)
      const images = rows.filter(({ digest }) => !isGone?.(digest)).map(({ imageId }) => imageId)
      for (const some of inBatches(images, TOGETHER)) {
        for (const { digest } of namedBetween.all(JSON.stringify(some), first, last)) chunk.delete(digest)
      }
      after = rows.at(-1)?.digest
      await yieldToEventLoop(signal)
    }
  }

  async function* unreferenced(scope: LinkScope): AsyncGenerator<readonly Digest[]> {
    for await (const chunk of linksInChunks(scope)) {
      await dropNamed(chunk, scope)
      if (chunk.size > 0) yield [...chunk]
    }
  }

  return {
    unreferenced,

    async sweep(scope, { leaseStart }) {
      const { repositoryId, signal } = scope
      for await (const digests of unreferenced(scope)) {
        for (const batch of inBatches(digests)) {
          db.transact(() => {
            for (const digest of batch) {
              const unlinkOne = isPopular.get(digest) ? unlinkPopular : unlinkRare
              unlinkOne.run(repositoryId, digest, leaseStart)
            }
          })
          await yieldToEventLoop(signal)
        }
      }
    },
  }
}
