import { sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import {
  formatRepository,
  InvalidReferenceError,
  parseReference,
  type Reference,
} from '../../oci/reference.ts'
import type { Repository } from '../content/content.ts'

/** A repository of another registry that had a blob. */
export interface KnownSource {
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  readonly insecure: boolean
}

/** Repositories of this registry for which a blob is fetched, sources that are tried for each, and rows that are read for them. */
const MAX_REPOSITORIES = 20
const MAX_SOURCES = 10
const MAX_ROWS = 100

/** Creates the lookups of the repositories that have a blob, and of where each can get it again. */
export function createKnownSources({ orm }: Database, host: () => string) {
  const repositoriesOf = (digest: Digest) => sql`
    select r.id, r.namespace, r.name, r.stream_id as streamId from repository_blobs l
      cross join repositories r on r.id = l.repository_id
    where l.digest = ${digest} order by r.id limit ${MAX_REPOSITORIES}`
  // where its images are pulled through from, or were imported from; then where images of its stream were mirrored from
  const sourcesOf = ({ id, namespace, name }: Repository, digest: Digest) => sql`
    select source, insecure from (
      select coalesce(m.source, i.docker_image_reference) as source, m.insecure, 0 as rank, m.pushed_at as at
        from manifest_references f
          cross join repository_manifests m on m.image_id = f.image_id and m.repository_id = ${id}
          cross join images i on i.id = m.image_id
        where f.digest = ${digest}
      union all
      select t.source, 0, 1, t.finished_at from image_mirrorings o
          cross join mirrored_tags t on t.mirroring_id = o.id and t.state in ('COPIED', 'UNCHANGED')
        where o.namespace = ${namespace} and o.image_stream = ${name})
    order by rank, at desc limit ${MAX_ROWS}`

  return {
    /** Returns repositories that have the blob; at most 20. */
    repositories: (digest: Digest): Repository[] => orm.all<Repository>(repositoriesOf(digest)),
    /** Returns repositories of other registries that may have the blob, the likeliest first; at most 10. */
    sources(repository: Repository, digest: Digest): KnownSource[] {
      const found = new Map<string, KnownSource>()
      for (const row of orm.all<{ source: string; insecure: 0 | 1 }>(sourcesOf(repository, digest))) {
        const reference = referenceOf(row.source)
        if (!reference || reference.registry === host()) continue
        const key = formatRepository(reference)
        if (!found.has(key)) found.set(key, { reference, insecure: row.insecure === 1 })
      }
      return [...found.values()].slice(0, MAX_SOURCES)
    },
  }
}

/** Returns the repository of a reference; undefined for the name of a stream, from which several images were mirrored. */
function referenceOf(text: string): KnownSource['reference'] | undefined {
  try {
    const { registry, repository } = parseReference(text)
    return { registry, repository }
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined
    throw error
  }
}
