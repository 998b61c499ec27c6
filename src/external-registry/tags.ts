import { TagProtectedError } from '../access/protection/tag-protected-error.ts'
import { SYSTEM } from '../access/right/viewer.ts'
import { yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { createImageReceiver, type ImageReceiverDependencies } from '../imagestream/commands/push.ts'
import type { FetchedImage, Image } from '../imagestream/image/image.ts'
import type { LookBack } from '../imagestream/tag/look-back.ts'
import type { ImportedTag, Tags } from '../imagestream/tag/tag.ts'
import type { PageKey } from '../input/page.ts'
import type { Digest } from '../oci/digest.ts'
import { formatRepositoryName } from '../oci/repository-name.ts'
import type { TagName } from '../oci/tag.ts'
import { type ExternalOrigin, originOf } from './origin.ts'

export interface ExternalTagsDependencies extends ImageReceiverDependencies {
  readonly db: Database
  readonly tags: Tags
  readonly lookBack: LookBack
  /** `host[:port]` of the external registry in pull specs. */
  readonly registry: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The current state of a stream's tag. */
export type ExternalTag = ImportedTag

/** The streams that mirror the external registry. */
export type ExternalTags = ReturnType<typeof createExternalTags>

/** Streams that one statement reads. */
const STREAMS = 50

export function createExternalTags(dependencies: ExternalTagsDependencies) {
  const { streams, tags, lookBack, images, recorder, registry, now } = dependencies
  const receive = createImageReceiver(dependencies)
  const prefixOf = ({ repository }: ExternalOrigin): string => `${registry}/${repository}@`

  const find = ({ namespace, name }: ExternalOrigin, tag: TagName): ExternalTag | undefined => {
    const stream = streams.byName(SYSTEM, namespace, name)
    return stream && tags.imported(stream.id, tag)
  }

  return {
    find,
    /** Returns the tags whose newest entry comes from the repository, by name. */
    tagsFrom(origin: ExternalOrigin): ExternalTag[] {
      const stream = streams.byName(SYSTEM, origin.namespace, origin.name)
      return stream ? tags.importedFrom(stream.id, prefixOf(origin)) : []
    },
    /** Reports whether the tag's newest entry comes from the repository. */
    isFrom: (origin: ExternalOrigin, { dockerImageReference }: ExternalTag): boolean =>
      dockerImageReference.startsWith(prefixOf(origin)),
    /** Reports whether the stream has a spec tag of this name. */
    isInSpec: ({ streamId, tag }: ExternalTag): boolean => streams.specTag(streamId, tag) !== undefined,
    /** Reports whether the tag's history has the image. */
    hadImage({ streamId, tag }: ExternalTag, digest: Digest): boolean {
      const image = images.byDigest(SYSTEM, digest)
      const [found] = tags.named([streamId], tag)
      if (!image || !found) return false
      return lookBack.newestOfTag(found.id, image.id) !== undefined
    },
    /** Yields the repositories from which the newest entry of a tag comes, whether or not the registry still has them. */
    async *repositories(): AsyncGenerator<string> {
      for (let after: PageKey | undefined; ; ) {
        const page = await streams.page(SYSTEM, {
          order: 'NAME',
          page: { limit: STREAMS, peek: false, after },
        })
        const last = page.at(-1)
        if (!last) return
        const names = new Map(page.map((stream) => [stream.id, formatRepositoryName(stream)]))
        for (const { streamId, repository } of tags.repositories([...names.keys()], `${registry}/`)) {
          const path = repository.slice(registry.length + 1)
          // other streams may import from this registry too
          if (names.get(streamId) === formatRepositoryName(originOf(path))) yield path
        }
        after = [last.namespace, last.name]
        await yieldToEventLoop()
      }
    },
    /**
     * Stores the image, and points the tag to it unless `tag` is null. Creates the stream if it does not exist. Returns
     * whether the tag got another image.
     */
    record(
      tx: Transaction,
      { repository, namespace, name }: ExternalOrigin,
      tag: TagName | null,
      image: FetchedImage | Image,
    ): boolean {
      const { pushed } = receive(tx, SYSTEM, {
        stream: { namespace, name },
        repository: { registry, repository },
        image,
        tags: tag === null ? [] : [tag],
        upstreamDigest: image.digest,
        at: now(),
      })
      return pushed
    },
    /** Removes the tag with its history and its spec tag. A protected tag stays. */
    remove(tx: Transaction, { namespace, name }: ExternalOrigin, { streamId: id, tag }: ExternalTag): void {
      const stream = { id, namespace, name }
      try {
        recorder.removeTag(tx, SYSTEM, { stream, tag, reason: 'DELETED_IN_REGISTRY' })
      } catch (error) {
        if (!(error instanceof TagProtectedError)) throw error
      }
    },
    /** Reports, inside a transaction, whether the tag is the same as before. */
    isUnchanged(origin: ExternalOrigin, tag: TagName, before: ExternalTag | undefined): boolean {
      const current = find(origin, tag)
      return current?.eventId === before?.eventId && current?.imageId === before?.imageId
    },
  }
}
