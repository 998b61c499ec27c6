import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { ConnectionError, EgressTimeoutError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { type Digest, matchesDigest } from '../../oci/digest.ts'
import { MAX_CONFIG_SIZE } from '../../oci/manifest.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { RequestTopic } from '../session/registry-request.ts'
import type { Session } from '../session/session.ts'
import type { RemoteLimits } from '../traffic/limits.ts'
import { BlobStream } from './blob-stream.ts'

/** Bytes of a response that is not a blob. */
const MAX_ERROR_BODY = 1024 * 1024
/** Milliseconds of the longest timer. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Returns the blob's bytes as they arrive, from the registry or its redirect target; a descriptor's `urls` are ignored.
 * Resolves with the first byte. The stream has exactly `size` bytes or fails; the digest is not verified. An interrupted
 * blob is resumed by a range request. Rejects, and the stream fails, with RegistryError or the signal's reason. The caller
 * reads the stream to its end or destroys it.
 */
export async function fetchBlob(
  session: Session,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
): Promise<Readable> {
  const { clock, limits } = session.options
  const topic: RequestTopic = { what: `the blob ${digest}`, unreadable: 'InvalidManifest' }
  const unreadable = (why: string) => unreadableError(session.subject(topic), why)

  const request = (offset: number): Promise<EgressResponse> =>
    session.request({
      ...topic,
      method: 'GET',
      path: `/v2/${session.repository}/blobs/${digest}`,
      headers: { accept: '*/*', ...(offset > 0 && { range: `bytes=${offset}-` }) },
      maxBytes: MAX_ERROR_BODY,
      stream: {
        maxBytes: size,
        timeout: blobTimeout(limits, size - offset),
      },
    })

  const start = async (): Promise<Readable> => {
    const response = await request(0)
    const { status, headers, stream } = response
    if (status !== 200 || !stream) {
      stream?.destroy()
      throw await session.responseError(topic, response)
    }
    const announced = headers['content-length']
    if (announced === undefined || Number(announced) === size) return stream
    stream.destroy()
    throw unreadable(`its Content-Length is ${announced} bytes, but its descriptor has ${size}`)
  }

  let resumptions = 0
  const resume = async (offset: number, cause: Error): Promise<Readable> => {
    session.signal.throwIfAborted()
    if (!isInterruption(cause) || ++resumptions > limits.resumptions) {
      throw await session.requestError(topic, cause)
    }
    await clock.sleep(limits.retryDelay, session.signal)
    if (offset === 0) return start()
    const { status, headers, stream } = await request(offset)
    if (status === 206 && stream && isRest(headers['content-range'], offset, size)) return stream
    // a registry without ranges would send the whole blob again
    stream?.destroy()
    throw await session.requestError(topic, cause)
  }

  const wrongSize = (received: number) =>
    unreadable(`${received} bytes arrived, but its descriptor has ${size}`)
  const blob = new BlobStream(await start(), { size, resume, wrongSize })
  try {
    await once(blob, 'readable')
  } catch (error) {
    blob.destroy()
    throw error
  }
  return blob
}

/** Milliseconds for the transfer of so many bytes. */
export const blobTimeout = ({ blobTime, blobRate }: RemoteLimits, bytes: number): number =>
  Math.min(blobTime + (bytes / blobRate) * 1000, LONGEST_TIMER)

/** Reports whether the repository has the blob. Throws RegistryError. */
export async function hasBlob(session: Session, digest: Digest): Promise<boolean> {
  const { status } = await session.request({
    what: `the blob ${digest}`,
    unreadable: 'RegistryUnavailable',
    method: 'HEAD',
    path: `/v2/${session.repository}/blobs/${digest}`,
    headers: { accept: '*/*' },
    maxBytes: MAX_ERROR_BODY,
  })
  return status === 200
}

/** Reports whether the rest of the blob may still be available. */
const isInterruption = (error: Error): boolean =>
  (error instanceof ConnectionError && error.transient) ||
  (error instanceof EgressTimeoutError && error.phase === 'body')

/** Source: RFC 9110 §14.4. */
function isRest(contentRange: string | string[] | undefined, offset: number, size: number): boolean {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(contentRange)) ?? []
  return Number(start) === offset && Number(end) === size - 1 && (total === '*' || Number(total) === size)
}

/** Returns an image's config. Throws as `fetchSmallBlob`. */
export const fetchConfig = (session: Session, descriptor: Descriptor): Promise<Uint8Array> =>
  fetchSmallBlob(session, descriptor, { noun: 'config', maxBytes: MAX_CONFIG_SIZE })

/**
 * Returns a whole blob, verified by its digest, from the registry itself; a descriptor's `urls` are ignored. Throws
 * RegistryError: NotFound, or InvalidManifest for a blob that is too large or has another size or digest.
 */
export async function fetchSmallBlob(
  session: Session,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  { noun, maxBytes }: { readonly noun: string; readonly maxBytes: number },
): Promise<Uint8Array> {
  const topic: RequestTopic = { what: `the ${noun} ${digest}`, unreadable: 'InvalidManifest' }
  const unreadable = (why: string) => unreadableError(session.subject(topic), why)
  if (size > maxBytes) throw unreadable(`it is larger than ${maxBytes} bytes`)
  const response = await session.request({
    ...topic,
    method: 'GET',
    path: `/v2/${session.repository}/blobs/${digest}`,
    headers: { accept: '*/*' },
    maxBytes: size,
  })
  if (response.status !== 200) throw await session.responseError(topic, response)
  if (!matchesDigest(response.body, digest)) throw unreadable('the response has a different digest')
  return response.body
}
