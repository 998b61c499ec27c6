import type { Database } from '../db/open.ts'
import { splitPrefix } from '../logins/registry-login.ts'
import type { Digest } from '../oci/digest.ts'
import { parseReference, type Reference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import type { ScopedHint } from './scope.ts'

/** A tag of a stream that a hint concerns. */
export interface Target {
  readonly streamId: number
  /** Empty for all tags of the stream's repository. */
  readonly tag: TagName | ''
  /** Whether a spec tag of its own asks for it. */
  readonly isSpecTag: boolean
}

/** Where a namespace's images come from, looked up once for each repository. */
export interface Sources {
  /** Whether the hint's repository was looked up already. */
  knows(hint: ScopedHint): boolean
  /** What of the namespace's streams a hint concerns. */
  targetsOf(hint: ScopedHint): Target[]
}

interface RepositorySource {
  readonly streamId: number
  readonly name: string
}

interface TagSource extends RepositorySource {
  readonly tag: TagName
  /** 1 when a rule chooses which tag of the repository it means. */
  readonly hasPolicy: 0 | 1
}

interface Found {
  readonly repositories: readonly RepositorySource[]
  readonly tags: readonly (TagSource & Pick<Reference, 'digest'> & { readonly upstream: TagName })[]
}

/** Tags that one deletion by digest has checked at most. */
const MAX_TAGS_OF_DIGEST = 100

/** The sources of all namespaces. */
export interface AllSources {
  of(namespace: string): Sources
  /** Places in the registry that streams of the namespace take images from, those of whole repositories first; at most 100. */
  some(namespace: string, registry: string): Pick<Reference, 'repository' | 'tag'>[]
}

export function createSources(db: Database): AllSources {
  // the last part of a path stands in every spelling of it: what else is read is compared as it is parsed
  const repositories = db.prepare<RepositorySource>(
    `select id as streamId, docker_image_repository as name from image_streams
     where namespace = ? and instr(docker_image_repository, ?) > 0 order by id`,
  )
  const tags = db.prepare<TagSource>(
    `select t.stream_id as streamId, t.name as tag, t.from_name as name, t.policy is not null as hasPolicy
     from image_streams s join spec_tags t on t.stream_id = s.id
     where s.namespace = ? and t.from_kind = 'DockerImage' and not t.reference and instr(t.from_name, ?) > 0
     order by t.stream_id, t.position`,
  )
  const specTag = db.prepare<object>('select 1 from spec_tags where stream_id = ? and name = ?')
  const tag = db.prepare<object>('select 1 from tags where stream_id = ? and name = ?')
  const tagsOfDigest = db.prepare<{ tag: TagName }>(
    `select t.name as tag from tags t where t.stream_id = ? and t.upstream_digest = ?
       and not exists (select 1 from spec_tags p where p.stream_id = t.stream_id and p.name = t.name)
     order by t.name limit ${MAX_TAGS_OF_DIGEST}`,
  )
  const meansDigest = db.prepare<object>(
    'select 1 from tags where stream_id = ? and name = ? and upstream_digest = ?',
  )

  const some = db.prepare<{ name: string; isTag: 0 | 1 }>(
    `select docker_image_repository as name, 0 as isTag from image_streams where namespace = ? and registry = ?
     union all select t.from_name, 1 from image_streams s join spec_tags t on t.stream_id = s.id
       where s.namespace = ? and t.registry = ? and not t.reference
     limit 100`,
  )

  const find = (namespace: string, { registry, repository }: ScopedHint): Found => {
    const last = repository.slice(repository.lastIndexOf('/') + 1)
    const isThis = (reference: Reference): boolean =>
      reference.repository === repository && splitPrefix(reference.registry).registry === registry
    return {
      repositories: repositories.all(namespace, last).filter(({ name }) => isThis(parseReference(name))),
      tags: tags.all(namespace, last).flatMap((source) => {
        const reference = parseReference(source.name)
        const upstream = reference.tag ?? ('latest' as TagName)
        return isThis(reference) ? [{ ...source, digest: reference.digest, upstream }] : []
      }),
    }
  }

  const ofRepository = (
    { streamId }: RepositorySource,
    { action, tag: named, digest }: ScopedHint,
  ): Target[] => {
    const target = (one: TagName | ''): Target => ({ streamId, tag: one, isSpecTag: false })
    if (named === null) {
      return action === 'delete' && digest !== null
        ? tagsOfDigest.all(streamId, digest).map(({ tag }) => target(tag))
        : [target('')]
    }
    // a spec tag wins over the repository's tag of the same name
    if (specTag.get(streamId, named)) return []
    // what was never here cannot go
    return action === 'push' || tag.get(streamId, named) ? [target(named)] : []
  }

  const isConcerned = (
    source: Found['tags'][number],
    { action, tag: named, digest }: ScopedHint,
  ): boolean => {
    // names one image for good
    if (source.digest !== null && !source.hasPolicy) return false
    if (source.hasPolicy) return true
    if (named !== null) return source.upstream === named
    return action === 'push' || digest === null || isAt(source, digest)
  }
  const isAt = ({ streamId, tag: named }: TagSource, digest: Digest): boolean =>
    meansDigest.get(streamId, named, digest) !== undefined

  return {
    some: (namespace, registry) =>
      some.all(namespace, registry, namespace, registry).map(({ name, isTag }) => {
        const { repository, tag } = parseReference(name)
        return { repository, tag: isTag ? tag : null }
      }),
    of(namespace) {
      const known = new Map<string, Found>()
      const placeOf = ({ registry, repository }: ScopedHint): string => `${registry}/${repository}`
      const sourcesOf = (hint: ScopedHint): Found => {
        const found = known.get(placeOf(hint)) ?? find(namespace, hint)
        known.set(placeOf(hint), found)
        return found
      }
      return {
        knows: (hint) => known.has(placeOf(hint)),
        targetsOf(hint) {
          const found = sourcesOf(hint)
          return [
            ...found.repositories.flatMap((source) => ofRepository(source, hint)),
            ...found.tags
              .filter((source) => isConcerned(source, hint))
              .map(({ streamId, tag }) => ({ streamId, tag, isSpecTag: true })),
          ]
        },
      }
    },
  }
}
