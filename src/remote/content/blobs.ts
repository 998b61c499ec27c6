import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Clock } from '../../concurrency/clock.ts'
import { ConnectionError, EgressTimeoutError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { unreadable } from '../login/refusal.ts'
import type { Session, Topic } from '../session/session.ts'
import type { RemoteLimits } from '../traffic/limits.ts'
import { BlobStream } from './blob-stream.ts'

export interface BlobOptions {
  readonly clock: Clock
  readonly limits: Pick<RemoteLimits, 'resumptions' | 'retryDelay' | 'blobTime' | 'blobRate'>
}

/** Bytes of an answer that is no blob. */
const MAX_REFUSAL = 1024 * 1024
/** Milliseconds of the longest timer. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * The blob's bytes as they arrive, from the registry itself or where it redirects to: a descriptor's `urls` are not
 * looked at. Resolves when the first byte is here. Never more bytes than `size`, and an error for fewer; whether they
 * have the digest is for the reader to see. What breaks off is asked for again from there. Rejects with, and the stream
 * fails with, RegistryError or the signal's reason: who got the stream reads it to its end or destroys it.
 */
export async function fetchBlob(
  session: Session,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  { clock, limits }: BlobOptions,
): Promise<Readable> {
  const topic: Topic = { what: `the blob ${digest}`, unreadable: 'InvalidManifest' }
  const refuse = (why: string) => unreadable(session.question(topic), why)

  const ask = (have: number): Promise<EgressResponse> =>
    session.ask({
      ...topic,
      method: 'GET',
      path: `/v2/${session.repository}/blobs/${digest}`,
      headers: { accept: '*/*', ...(have > 0 && { range: `bytes=${have}-` }) },
      maxBytes: MAX_REFUSAL,
      stream: {
        maxBytes: size,
        timeout: Math.min(limits.blobTime + ((size - have) / limits.blobRate) * 1000, LONGEST_TIMER),
      },
    })

  const begin = async (): Promise<Readable> => {
    const answer = await ask(0)
    const { status, headers, stream } = answer
    if (status !== 200 || !stream) {
      stream?.destroy()
      throw await session.refusal(topic, answer)
    }
    const announced = headers['content-length']
    if (announced === undefined || Number(announced) === size) return stream
    stream.destroy()
    throw refuse(`it has ${announced} bytes there, and its manifest says ${size}`)
  }

  let resumptions = 0
  const takeUp = async (have: number, cause: Error): Promise<Readable> => {
    session.signal.throwIfAborted()
    const broke = () => session.failure(topic, cause)
    if (!isBreak(cause) || ++resumptions > limits.resumptions) throw await broke()
    await clock.sleep(limits.retryDelay, session.signal)
    if (have === 0) return begin()
    const { status, headers, stream } = await ask(have)
    if (status === 206 && stream && isRest(headers['content-range'], have, size)) return stream
    // a registry without ranges: what it would send now is the whole again
    stream?.destroy()
    throw await broke()
  }

  const wrongSize = (have: number) => refuse(`it sent ${have} bytes, and its manifest says ${size}`)
  const blob = new BlobStream(await begin(), { size, takeUp, wrongSize })
  try {
    await once(blob, 'readable')
  } catch (error) {
    blob.destroy()
    throw error
  }
  return blob
}

/** Whether the registry may well give the rest. */
const isBreak = (error: Error): boolean =>
  (error instanceof ConnectionError && error.transient) ||
  (error instanceof EgressTimeoutError && error.phase === 'body')

/** Source: RFC 9110 §14.4. */
function isRest(contentRange: string | string[] | undefined, have: number, size: number): boolean {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(contentRange)) ?? []
  return Number(start) === have && Number(end) === size - 1 && (total === '*' || Number(total) === size)
}
