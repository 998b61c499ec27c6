import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'

/** Reads the manifest of an image that was imported or pushed; undefined where it was not. */
export function createStoredManifests(db: Database): (digest: Digest) => Manifest | undefined {
  const read = db.prepare<{ bytes: Uint8Array; mediaType: string }>(
    'select manifest as bytes, media_type as mediaType from images where digest = ?',
  )
  return (digest) => {
    const row = read.get(digest)
    return row && parseManifest(row.bytes, row.mediaType)
  }
}
