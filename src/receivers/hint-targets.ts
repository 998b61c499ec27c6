import type { Database } from '../db/open.ts'
import {
  createStreamSources,
  type SpecTagSource,
  type StreamSources,
} from '../imagestream/watch/stream-sources.ts'
import { splitPrefix } from '../logins/registry-login.ts'
import { parseReference, type Reference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import type { LoggedTarget } from './delivery-history.ts'
import type { ScopedHint } from './scope.ts'

/**
 * A tag of a stream that a hint concerns; empty for all tags of the stream's repository. `isSpecTag` is 1 when a spec tag
 * imports it, 0 when the stream's repository does.
 */
export type HintTarget = Pick<LoggedTarget, 'streamId' | 'tag' | 'isSpecTag'>

/** A spec tag, and the tag or digest of the repository that it is imported from. */
interface UpstreamTag extends SpecTagSource, Pick<Reference, 'digest'> {
  readonly upstream: TagName
}

/** The sources of one namespace. */
export type NamespaceSources = ReturnType<ReturnType<typeof createHintTargets>['of']>

/** Creates the search for the tags of streams that hints concern. */
export function createHintTargets(db: Database) {
  const sources = createStreamSources(db)
  return {
    /**
     * Returns at most 100 places in the registry that the namespace imports from; those of whole repositories, without a tag,
     * first.
     */
    placesOf: (namespace: string, registry: string): Pick<Reference, 'repository' | 'tag'>[] =>
      sources.atRegistry(namespace, registry).map(({ from, tag: specTag }) => {
        const { repository, tag } = parseReference(from)
        return { repository, tag: specTag === null ? null : tag }
      }),
    /** Returns the sources of a namespace; each repository is read once. */
    of(namespace: string) {
      const read = new Map<string, ReturnType<typeof readUsers>>()
      const nameOf = ({ registry, repository }: ScopedHint): string => `${registry}/${repository}`
      const usersOf = (hint: ScopedHint) => {
        const users = read.get(nameOf(hint)) ?? readUsers(sources, namespace, hint)
        read.set(nameOf(hint), users)
        return users
      }
      return {
        /** Reports whether the hint's repository was read already. */
        hasRead: (hint: ScopedHint): boolean => read.has(nameOf(hint)),
        /** Returns the tags of the namespace's streams that the hint concerns. */
        targetsOf(hint: ScopedHint): HintTarget[] {
          const { streamIds, specTags } = usersOf(hint)
          return [
            ...streamIds.flatMap((streamId) => targetsOfRepository(sources, streamId, hint)),
            ...specTags
              .filter((specTag) => concerns(sources, specTag, hint))
              .map(({ streamId, tag }) => ({ streamId, tag, isSpecTag: 1 as const })),
          ]
        },
      }
    },
  }
}

/** Returns the streams and spec tags of a namespace that are imported from the hint's repository. */
function readUsers(sources: StreamSources, namespace: string, { registry, repository }: ScopedHint) {
  // every spelling of a reference contains the last part of the path; the parsed references are compared exactly
  const lastPart = repository.slice(repository.lastIndexOf('/') + 1)
  const isSame = (reference: Reference): boolean =>
    reference.repository === repository && splitPrefix(reference.registry).registry === registry
  return {
    streamIds: sources
      .repositoriesContaining(namespace, lastPart)
      .filter(({ from }) => isSame(parseReference(from)))
      .map(({ streamId }) => streamId),
    specTags: sources.specTagsContaining(namespace, lastPart).flatMap((specTag) => {
      const reference = parseReference(specTag.from)
      const upstream = reference.tag ?? ('latest' as TagName)
      return isSame(reference) ? [{ ...specTag, digest: reference.digest, upstream }] : []
    }),
  }
}

/** Returns the tags of a stream's repository that the hint concerns. */
function targetsOfRepository(
  sources: StreamSources,
  streamId: number,
  { action, tag: named, digest }: ScopedHint,
): HintTarget[] {
  const target = (tag: TagName | ''): HintTarget => ({ streamId, tag, isSpecTag: 0 })
  if (named === null) {
    return action === 'delete' && digest !== null
      ? sources.repositoryTagsWith(streamId, digest).map(target)
      : [target('')]
  }
  // a spec tag wins over the repository's tag of the same name
  if (sources.specTag(streamId, named)) return []
  // the deletion of an unknown tag changes nothing
  return action === 'push' || sources.tag(streamId, named) ? [target(named)] : []
}

/** Reports whether the hint concerns a spec tag of its repository. */
function concerns(
  sources: StreamSources,
  { streamId, tag, digest: pinned, hasPolicy, upstream }: UpstreamTag,
  { action, tag: named, digest }: ScopedHint,
): boolean {
  if (hasPolicy) return true
  // a reference by digest never changes
  if (pinned !== null) return false
  if (named !== null) return upstream === named
  return action === 'push' || digest === null || sources.tag(streamId, tag)?.upstreamDigest === digest
}
