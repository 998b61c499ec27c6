import type { Digest } from '../../oci/digest.ts'
import { etagOf } from '../protocol/etag.ts'
import type { Content, LinkedManifest } from './content.ts'

/** A manifest as it is served. */
export interface ServedManifest {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Names and values by turns, as Node.js writes them without looking at each again. */
  readonly headers: string[]
  readonly notModifiedHeaders: string[]
  /** Its bytes; of a small one a text of as many characters, which Node.js sends in one piece with the headers. */
  readonly body: Uint8Array | string
}

/** Characters up to 255 stand for a byte each. */
export const BODY_ENCODING = 'latin1'

/** Bytes. Joining larger ones to the headers costs more than the second write. */
const MAXIMUM_TEXT = 64 * 1024
/** Bytes that the cache may take in all: some ten thousand images' manifests, or eight of the largest. */
const CAPACITY = 32 * 1024 * 1024
/** Bytes that each entry takes beside its manifest, roughly. */
const OVERHEAD = 1024

/**
 * The bytes of manifests that were asked for last, by image: an image's bytes never change, and its id is never another's.
 * Who may read them is not kept here: ask for the repository's link each time.
 */
export function createManifestCache(
  content: Pick<Content, 'manifestBytes'>,
  capacity = CAPACITY,
): (manifest: LinkedManifest) => ServedManifest {
  const entries = new Map<number, ServedManifest>()
  let bytes = 0

  const keep = (imageId: number, served: ServedManifest): void => {
    entries.set(imageId, served)
    bytes += served.size + OVERHEAD
    for (const [oldest, { size }] of entries) {
      if (bytes <= capacity) break
      entries.delete(oldest)
      bytes -= size + OVERHEAD
    }
  }

  return (manifest) => {
    const known = entries.get(manifest.imageId)
    if (known) {
      // what was asked for last stands last
      entries.delete(manifest.imageId)
      entries.set(manifest.imageId, known)
      return known
    }
    const served = serve(manifest, content.manifestBytes(manifest.imageId))
    keep(manifest.imageId, served)
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
    body:
      size > MAXIMUM_TEXT ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, size).toString(BODY_ENCODING),
  }
}
