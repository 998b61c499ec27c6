import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { FetchedImage } from '../../src/imagestream/image/image.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import type { Image, Index } from '../fixtures/random-image.ts'
import { type TestDomain, tagName } from '../fixtures/test-domain.ts'

export interface RecordedMove {
  readonly tag: string
  readonly content: Image | Index
  /** Milliseconds since 1970. */
  readonly at: number
}

const fetchedOf = (content: Image | Index): FetchedImage => ({
  digest: content.digest,
  bytes: content.bytes,
  manifest: parseManifest(content.bytes, content.mediaType),
  config: content.kind === 'image' ? content.config : null,
  children: content.kind === 'index' ? content.manifests.map(fetchedOf) : [],
})

/** Points tags of a stream to images, in this order and in one transaction, as imports do, but without a registry. */
export function recordMoves(
  { db, images, recorder }: TestDomain,
  stream: { readonly id: number; readonly name: string },
  moves: readonly RecordedMove[],
): void {
  db.transact((tx) => {
    for (const { tag, content, at } of moves) {
      const { digest } = content
      const imageId =
        images.byDigest(SYSTEM, digest)?.id ??
        images.store(tx, fetchedOf(content), {
          namespace: 'default',
          pullSpec: (of) => `registry.test/${stream.name}@${of}`,
        })
      recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId: stream.id, namespace: 'default', streamName: stream.name, tag: tagName(tag) },
        {
          imageId,
          dockerImageReference: `registry.test/${stream.name}@${digest}`,
          generation: 1,
          source: 'IMPORT',
          upstreamDigest: digest,
          at,
        },
      )
    }
  })
}
