import { createHash, type Hash, randomBytes } from 'node:crypto'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { MEBIBYTE } from './registry-protocol.ts'

/** Bytes of one piece of a blob. */
const PIECE = 256 << 10
/** Bytes of a unique end of each blob. */
const UNIQUE = 32

/** Incompressible bytes that all blobs share, repeated. */
const SHARED = randomBytes(64 * MEBIBYTE)

export interface Blob {
  readonly digest: Digest
  readonly size: number
  pieces(): Iterable<Uint8Array>
}

const hashes = new Map<number, Hash>()

/** Creates a unique blob. Only its end is unique, so that the rest need not be hashed again. */
export function createBlob(size: number): Blob {
  const shared = size - UNIQUE
  let hash = hashes.get(size)
  if (!hash) {
    hash = createHash('sha256')
    for (const piece of sharedPieces(shared)) hash.update(piece)
    hashes.set(size, hash)
  }
  const unique = randomBytes(UNIQUE)
  return {
    digest: `sha256:${hash.copy().update(unique).digest('hex')}` as Digest,
    size,
    *pieces() {
      yield* sharedPieces(shared)
      yield unique
    },
  }
}

function* sharedPieces(size: number): Iterable<Uint8Array> {
  for (let at = 0; at < size; at += PIECE) {
    const from = at % SHARED.length
    yield SHARED.subarray(from, from + Math.min(PIECE, size - at))
  }
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'

export const CONFIG = Buffer.from(
  JSON.stringify({
    created: '2026-01-01T00:00:00Z',
    os: 'linux',
    architecture: 'amd64',
    config: {
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
      Cmd: ['web'],
      Labels: { 'org.example.name': 'web' },
    },
    rootfs: { type: 'layers', diff_ids: [digestOf('layer')] },
  }),
)

/** Creates a unique image manifest with this config and an existing layer. */
export function createManifest(layer: Pick<Descriptor, 'digest' | 'size'>): {
  bytes: Buffer
  digest: Digest
} {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: digestOf(CONFIG), size: CONFIG.length },
      layers: [{ mediaType: LAYER_TYPE, digest: layer.digest, size: layer.size }],
      annotations: { 'org.opencontainers.image.revision': randomBytes(20).toString('hex') },
    }),
  )
  return { bytes, digest: digestOf(bytes) }
}
