import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { onStream } from '../../access/audit/audit-entry.ts'
import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { NamespaceRuleError } from '../../access/right/errors.ts'
import { SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, tags as tagsTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Deletion, PushedManifest } from '../../oci/manifest.ts'
import { pullSpecByDigest, type Reference } from '../../oci/reference.ts'
import { repositoryPathOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { FetchedImage, Image } from '../image/image.ts'
import type { Images } from '../image/images.ts'
import { emptySpec } from '../spec/change-spec.ts'
import type { SpecWriter } from './write-spec.ts'
import type { CommandDependencies } from './write-target.ts'

/** An image that a registry received for a stream. */
export interface ReceivedImage {
  readonly stream: StreamName
  /** The repository of the image's pull specs. */
  readonly repository: Pick<Reference, 'registry' | 'repository'>
  readonly image: FetchedImage | Image
  /** Tags of the stream that point to the image from now on. */
  readonly tags: readonly TagName[]
  /** Digest of the tags in the registry; null where the next import requests them from their source again. */
  readonly upstreamDigest: Digest | null
  /** Milliseconds since 1970. */
  readonly at: number
  /** Called once the image is stored, before its tags are. */
  readonly onStored?: OnImageStored
}

/** Receives the ids of a stored image and its stream. */
export type OnImageStored = (stored: { readonly imageId: number; readonly streamId: number }) => void

export interface ImageReceiverDependencies
  extends Pick<CommandDependencies, 'streams' | 'recorder' | 'importMode'> {
  readonly writer: Pick<SpecWriter, 'insert'>
  readonly images: Images
}

/**
 * Returns a function that stores an image, creates the stream if it does not exist, and points its tags to the image.
 * `pushed`: whether a tag got another image.
 */
export const createImageReceiver =
  ({ streams, writer, images, recorder, importMode }: ImageReceiverDependencies) =>
  (
    tx: Transaction,
    viewer: Viewer,
    { stream: name, repository, image, tags, upstreamDigest, at, onStored }: ReceivedImage,
  ) => {
    const { namespace, name: streamName } = name
    const stream =
      streams.byName(viewer, namespace, streamName) ??
      writer.insert(tx, viewer, { name, spec: emptySpec(importMode) }).stream
    const pullSpec = (digest: Digest): string => pullSpecByDigest(repository, digest)
    const imageId = images.store(tx, image, { namespace, pullSpec })
    onStored?.({ imageId, streamId: stream.id })
    images.markPushed(tx, [image.digest])
    let isPushed = false
    for (const tag of tags) {
      const address = { streamId: stream.id, namespace, streamName, tag }
      const generation = streams.generations(stream.id, tag)?.specTag ?? stream.generation
      const change = { imageId, dockerImageReference: pullSpec(image.digest), generation, upstreamDigest, at }
      try {
        const moved = { ...change, source: 'REGISTRY' } as const
        if (recorder.recordTagEvent(tx, viewer, address, moved).pushed) isPushed = true
      } catch (error) {
        // an external registry has moved its tag already
        if (viewer !== SYSTEM || !(error instanceof NamespaceRuleError)) throw error
        const { reason, message } = error
        recorder.recordImportFailure(tx, address, { reason, message, generation, at })
      }
    }
    return { imageId, streamId: stream.id, pushed: isPushed }
  }

/** Changes and reads image streams for the integrated registry, inside the registry's transactions. */
export type PushReceiver = ReturnType<typeof createPushReceiver>

export interface PushReceiverDependencies extends ImageReceiverDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  /** Returns the `host[:port]` for the pull specs of pushed images. */
  readonly registryHost: () => string
}

export function createPushReceiver(dependencies: PushReceiverDependencies) {
  const { db, audit, streams, images, recorder, registryHost } = dependencies
  const receive = createImageReceiver(dependencies)
  const tagsOfImage = db.orm
    .select({ name: tagsTable.name })
    .from(tagsTable)
    .where(
      and(
        eq(tagsTable.streamId, sql.placeholder('streamId')),
        eq(tagsTable.newestImageId, sql.placeholder('imageId')),
      ),
    )
    .orderBy(tagsTable.name)
    .prepare()
  const tagWithImage = db.orm
    .select({ id: tagsTable.id })
    .from(imageStreams)
    .innerJoin(tagsTable, eq(tagsTable.streamId, imageStreams.id))
    .where(
      and(
        eq(imageStreams.namespace, sql.placeholder('namespace')),
        eq(imageStreams.name, sql.placeholder('name')),
        isNull(imageStreams.deletedAt),
        eq(tagsTable.name, sql.placeholder('tag')),
        isNotNull(tagsTable.newestImageId),
      ),
    )
    .prepare()

  return {
    /** Stores the image, creates the stream if it does not exist, and points its tags to the image after `onStored`. */
    recordPush(
      tx: Transaction,
      viewer: Viewer,
      { repository: stream, tags, at, ...content }: PushedManifest,
      onStored?: OnImageStored,
    ): { readonly imageId: number; readonly streamId: number } {
      const image = fetchedImage(content, images)
      const repository = { registry: registryHost(), repository: repositoryPathOf(stream) }
      // the next import requests the tags from their sources again
      const received = { stream, repository, image, tags, upstreamDigest: null, at }
      audit.record(tx, viewer, onStream('push', stream, { digest: content.digest, tags }))
      return receive(tx, viewer, { ...received, ...(onStored && { onStored }) })
    },

    /** Removes tags and their spec tags. Their histories stay. */
    removeTags(tx: Transaction, viewer: Viewer, streamId: number, tags: readonly TagName[]): void {
      const stream = streams.byIds(SYSTEM, [streamId]).get(streamId)
      if (!stream) return
      for (const tag of tags) recorder.removeTag(tx, viewer, { stream, tag, reason: 'DELETED_IN_REGISTRY' })
    },

    /** Throws TagProtectedError unless the viewer may remove content of the stream that these tags need. */
    requireRemovable(viewer: Viewer, streamId: number, tags: () => readonly TagName[]): void {
      const stream = streams.byIds(SYSTEM, [streamId]).get(streamId)
      if (stream) recorder.requireMovable(viewer, stream, tags)
    },

    /** Returns the stream's tags that point to the image, by name. */
    tagsOfImage: (streamId: number, imageId: number): readonly TagName[] =>
      tagsOfImage.all({ streamId, imageId }).map(({ name }) => name),

    /** Records that the viewer deletes a tag, a manifest or a blob, named as in the request. */
    recordDeletion: (tx: Transaction, viewer: Viewer, { action, repository, reference }: Deletion): void =>
      audit.record(tx, viewer, onStream(action, repository, { reference })),

    /** Reports whether there is a stream of this name that is not deleted. */
    exists: ({ namespace, name }: StreamName): boolean =>
      streams.byName(SYSTEM, namespace, name) !== undefined,

    /** Reports whether the tag of the stream points to an image. */
    hasImage: ({ namespace, name }: StreamName, tag: string): boolean =>
      tagWithImage.get({ namespace, name, tag }) !== undefined,
  }
}

/** Returns the pushed image as a fetched one, with its stored children. */
function fetchedImage(
  { digest, bytes, manifest, config }: Omit<PushedManifest, 'repository' | 'tags' | 'at'>,
  images: Images,
): FetchedImage {
  const isIndex = manifest.kind === 'index'
  return {
    digest,
    bytes,
    manifest,
    config: isIndex || !config ? null : { digest: manifest.config.digest, bytes: config },
    children: isIndex
      ? [
          ...images
            .byDigests(
              SYSTEM,
              manifest.manifests.map((child) => child.digest),
            )
            .values(),
        ]
      : [],
  }
}
