import { LRUCache } from 'lru-cache'
import type { Digest } from '../../oci/digest.ts'
import { etagOf } from '../protocol/headers.ts'
import type { Content, LinkedManifest } from './content.ts'

/** A manifest in the form in which it is sent. */
export interface ServedManifest {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Names and values in turn: Node.js writes such a list without checking each name. */
  readonly headers: string[]
  readonly notModifiedHeaders: string[]
  /** Bytes; a small manifest as a latin1 string, which Node.js sends in one piece with the headers. */
  readonly body: Uint8Array | string
}

/** Encoding of a text body: one character for each byte. */
export const BODY_ENCODING = 'latin1'

/** Maximum bytes of a text body: joining more to the headers costs more than a second write. */
const MAX_TEXT = 64 * 1024
/** Bytes of all entries: manifests of about ten thousand images, or eight of the largest. */
const CAPACITY = 32 * 1024 * 1024
/** Approximate bytes of an entry beside its manifest. */
const OVERHEAD = 1024

/**
 * Caches manifests by image: the bytes of an image never change, and its id is never used again. The caller checks that
 * the repository may serve the manifest.
 */
export function createManifestCache(
  content: Pick<Content, 'manifestBytes'>,
  capacity = CAPACITY,
): (manifest: LinkedManifest) => ServedManifest {
  const entries = new LRUCache<number, ServedManifest>({
    maxSize: capacity,
    sizeCalculation: ({ size }) => size + OVERHEAD,
  })
  return (manifest) => {
    const cached = entries.get(manifest.imageId)
    if (cached) return cached
    const served = serve(manifest, content.manifestBytes(manifest.imageId))
    entries.set(manifest.imageId, served)
    return served
  }
}

function serve({ digest, mediaType }: LinkedManifest, bytes: Uint8Array): ServedManifest {
  const size = bytes.byteLength
  const notModifiedHeaders = ['Docker-Content-Digest', digest, 'ETag', etagOf(digest)]
  return {
    digest,
    size,
    notModifiedHeaders,
    headers: ['Content-Type', mediaType, 'Content-Length', String(size), ...notModifiedHeaders],
    body: size > MAX_TEXT ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, size).toString(BODY_ENCODING),
  }
}
