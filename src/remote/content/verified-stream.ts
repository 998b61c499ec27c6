import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform } from 'node:stream'
import { algorithmOf, type Digest } from '../../oci/digest.ts'

export interface VerifiedOptions {
  /** What it fails with where the bytes are others. */
  readonly error: () => Error
  /** The bytes are others, or did not all come. */
  readonly onFailure: () => unknown
}

/** The same bytes; the last of them only once all are those that the digest promises. */
export function verified(source: Readable, digest: Digest, { error, onFailure }: VerifiedOptions): Readable {
  const hash = createHash(algorithmOf(digest))
  let last: Buffer | undefined
  const checked = new Transform({
    readableHighWaterMark: source.readableHighWaterMark,
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      const before = last
      last = chunk
      done(null, before)
    },
    flush(done) {
      if (digest.endsWith(`:${hash.digest('hex')}`)) return done(null, last)
      onFailure()
      done(error())
    },
  })
  // not for a reader that went away, which takes the source along
  source.once('error', () => checked.destroyed || onFailure())
  pipeline(source, checked, () => {})
  return checked
}
