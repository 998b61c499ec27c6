import { and, eq, isNotNull, sql } from 'drizzle-orm'
import { imageStreams, tags as tagsTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { PushedManifest } from '../../oci/manifest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { FetchedImage } from '../image/image.ts'
import type { Images } from '../image/images.ts'
import { emptySpec } from '../spec/change-spec.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { SpecWriter } from './write-spec.ts'
import type { CommandDependencies } from './write-target.ts'

/** Changes and reads image streams for the integrated registry, inside the registry's transactions. */
export type PushReceiver = ReturnType<typeof createPushReceiver>

export interface PushReceiverDependencies
  extends Pick<CommandDependencies, 'db' | 'streams' | 'recorder' | 'importMode'> {
  readonly writer: Pick<SpecWriter, 'insert'>
  readonly images: Images
  /** Returns the `host[:port]` for the pull specs of pushed images. */
  readonly registryHost: () => string
}

export function createPushReceiver(dependencies: PushReceiverDependencies) {
  const { db, streams, writer, images, recorder, importMode, registryHost } = dependencies
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
        eq(tagsTable.name, sql.placeholder('tag')),
        isNotNull(tagsTable.newestImageId),
      ),
    )
    .prepare()

  const streamOf = (tx: Transaction, name: PushedManifest['repository']): ImageStream =>
    streams.byName(name.namespace, name.name) ?? writer.insert(tx, name, emptySpec(importMode)).stream

  return {
    /** Stores the image, creates the stream if it does not exist, and points its tags to the image. */
    recordPush(
      tx: Transaction,
      { repository, tags, at, ...content }: PushedManifest,
    ): { readonly imageId: number; readonly streamId: number } {
      const { namespace, name } = repository
      const stream = streamOf(tx, repository)
      const inRegistry = { registry: registryHost(), repository: `${namespace}/${name}` }
      const pullSpec = (digest: Digest): string => pullSpecByDigest(inRegistry, digest)
      const imageId = images.store(tx, fetchedImage(content, images), pullSpec)
      for (const tag of tags) {
        recorder.recordTagEvent(
          tx,
          { streamId: stream.id, namespace, streamName: name, tag },
          {
            imageId,
            dockerImageReference: pullSpec(content.digest),
            generation: streams.generations(stream.id, tag)?.specTag ?? stream.generation,
            source: 'REGISTRY',
            // the next import requests the tag from its source again
            upstreamDigest: null,
            at,
          },
        )
      }
      return { imageId, streamId: stream.id }
    },

    /** Removes tags with their history, and their spec tags. */
    removeTags(tx: Transaction, streamId: number, tags: readonly TagName[]): void {
      for (const tag of tags) recorder.removeTag(tx, { streamId, tag })
    },

    /** Returns the stream's tags that point to the image, by name. */
    tagsOfImage: (streamId: number, imageId: number): readonly TagName[] =>
      tagsOfImage.all({ streamId, imageId }).map(({ name }) => name),

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
    children: isIndex ? [...images.byDigests(manifest.manifests.map((child) => child.digest)).values()] : [],
  }
}
