import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { FetchedImage, Images } from '../image/image.ts'
import { emptySpec } from '../spec/change-spec.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import type { TagRecorder } from '../tag/record.ts'
import type { StreamWriter } from './write-stream.ts'

/** An image that somebody pushed to the integrated registry, which has all its parts. */
export interface PushedImage {
  readonly repository: { readonly namespace: string; readonly name: string }
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** The config's exact bytes, of a container image; null for an index or artifact. */
  readonly config: Uint8Array | null
  /** The tags that mean it from now on; none for a push by digest, which only keeps the image. */
  readonly tags: readonly TagName[]
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What pushes and deletions in the integrated registry do to streams, inside the registry's own transactions. */
export interface PushReceiver {
  /** Keeps the image, creates the stream where there is none, and moves its tags: by name only when the image is new there. */
  pushed(tx: Transaction, push: PushedImage): { readonly imageId: number; readonly streamId: number }
  /** Removes tags with their history, and what the spec says of them. */
  untagged(tx: Transaction, streamId: number, tags: readonly TagName[]): void
}

export interface PushReceiverDependencies {
  readonly streams: Streams
  readonly writer: Pick<StreamWriter, 'insert'>
  readonly images: Images
  readonly recorder: TagRecorder
  /** How streams import that do not say. */
  readonly importMode: ImportMode
  /** `host[:port]` in the pull specs of what is pushed. */
  readonly registryHost: () => string
}

export function createPushReceiver(dependencies: PushReceiverDependencies): PushReceiver {
  const { streams, writer, images, recorder, importMode, registryHost } = dependencies

  const streamOf = (tx: Transaction, name: PushedImage['repository']): ImageStream =>
    streams.byName(name.namespace, name.name) ?? writer.insert(tx, name, emptySpec(importMode)).stream

  return {
    pushed(tx, { repository, tags, at, ...content }) {
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
            // the next import of this tag asks its source anew
            upstreamDigest: null,
            at,
          },
        )
      }
      return { imageId, streamId: stream.id }
    },

    untagged(tx, streamId, tags) {
      for (const tag of tags) recorder.removeTag(tx, { streamId, tag })
    },
  }
}

/** What was pushed, in the shape in which imports bring images in; the children are there already. */
function fetchedImage(
  { digest, bytes, manifest, config }: Omit<PushedImage, 'repository' | 'tags' | 'at'>,
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
