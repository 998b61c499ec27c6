import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform } from 'node:stream'
import { algorithmOf, type Digest } from '../../oci/digest.ts'

export interface VerifiedOptions {
  /** Creates the error of the stream for another digest. */
  readonly error: () => Error
  /** Called when the digest differs, or the source fails. */
  readonly onFailure: () => unknown
}

/** Returns a stream of the same bytes that withholds the last chunk until the digest of all of them is verified. */
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
  // a reader that closes the stream destroys the source too, which is no failure
  source.once('error', () => checked.destroyed || onFailure())
  pipeline(source, checked, () => {})
  return checked
}
