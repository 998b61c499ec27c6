import type { Readable } from 'node:stream'
import type { EgressResponse } from '../../egress/exchange.ts'
import { RequestBodyError } from '../../egress/request-body.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { Session } from '../session/session.ts'
import { BlobReader } from './blob-reader.ts'
import { hasBlob } from './blobs.ts'
import { UploadChunks } from './upload-chunks.ts'
import { UploadRequests } from './upload-requests.ts'

/** A blob that is pushed; it is read again from an offset when the upload was interrupted there. */
export interface BlobPush extends Pick<Descriptor, 'digest' | 'size'> {
  /**
   * Returns the bytes from `offset` on, exactly `size - offset`, which the push reads to the end or destroys. Its errors
   * reject the push as they are.
   */
  read(offset: number): Readable | Promise<Readable>
}

/**
 * Uploads a blob: a small one by one request, a large one in chunks. Chunks become smaller when the registry refuses their size;
 * where it refuses chunks, the whole blob is sent by one request. After an interruption the upload continues with the byte that
 * the registry expects; where it does not know the upload any more, another one starts. `started` is the response that started
 * the upload. Rejects with RegistryError, the error of the blob's stream, or the signal's reason.
 */
export async function uploadBlob(
  session: Session,
  blob: BlobPush,
  { started, onProgress }: { readonly started: EgressResponse; readonly onProgress: (sent: number) => void },
): Promise<void> {
  const upload = new BlobUpload(session, blob, onProgress)
  try {
    await upload.run(started)
  } catch (error) {
    session.signal.throwIfAborted()
    const { cause } = error as Error
    throw cause instanceof RequestBodyError ? cause.cause : error
  } finally {
    upload.close()
  }
}

class BlobUpload {
  readonly #session: Session
  readonly #blob: BlobPush
  readonly #onProgress: (sent: number) => void
  readonly #requests: UploadRequests
  readonly #reader: BlobReader
  readonly #chunks: UploadChunks
  #location = ''
  /** Bytes that the registry has. */
  #offset = 0
  #failures = 0
  /** Whether the upload continued after an interruption. */
  #isResumed = false

  constructor(session: Session, blob: BlobPush, onProgress: (sent: number) => void) {
    this.#session = session
    this.#blob = blob
    this.#onProgress = onProgress
    this.#requests = new UploadRequests(session, blob.digest)
    this.#reader = new BlobReader((offset) => blob.read(offset), onProgress)
    this.#chunks = new UploadChunks(session)
  }

  async run(started: EgressResponse): Promise<void> {
    this.#begin(started)
    while (!(await this.#sendPart())) this.#session.signal.throwIfAborted()
  }

  close(): void {
    this.#reader.close()
  }

  #begin(started: EgressResponse): void {
    if (this.#requests.locationOf(started) === undefined) {
      throw this.#requests.unusable('it names no location for the upload')
    }
    this.#chunks.limitBy(started)
    this.#isResumed = false
    this.#continueAt(started, 0)
  }

  #continueAt(response: EgressResponse, offset: number): void {
    this.#location = this.#requests.locationOf(response) ?? this.#location
    this.#offset = offset
    this.#onProgress(offset)
  }

  /** Sends the next part. Returns whether the registry has the whole blob. */
  async #sendPart(): Promise<boolean> {
    const { size } = this.#blob
    const start = this.#offset
    const length = Math.min(this.#chunks.size, size - start)
    const isLast = start + length === size
    const body = { size: length, open: () => this.#reader.part(start, length) }
    const part = { location: this.#location, body, offset: length === size ? null : start }
    let response: EgressResponse
    try {
      response = await this.#requests.send(part, isLast)
    } catch (error) {
      return this.#recover(error, isLast)
    }
    if (isLast ? COMPLETED.has(response.status) : response.status < 300) {
      if (!isLast) await this.#accept(response, length)
      else {
        this.#requests.confirm(response)
        this.#chunks.remember()
      }
      return isLast
    }
    await this.#meetRefusal(response, { length, isLast })
    return false
  }

  /** Continues after a chunk, of which the registry may have kept a part only. */
  async #accept(response: EgressResponse, length: number): Promise<void> {
    const end = this.#offset + length
    const received = receivedBytes(response) ?? end
    // bytes that the registry counts in another way: the whole blob needs no count
    if (received > end || received <= this.#offset) return this.#sendWhole(received, end)
    if (received < end)
      await this.#countFailure(() => this.#requests.unusable('it keeps parts of chunks only'))
    this.#continueAt(response, received)
  }

  /** Finds out what has arrived of a part whose request failed. Returns whether the registry has the whole blob. */
  async #recover(error: unknown, isLast: boolean): Promise<boolean> {
    this.#session.signal.throwIfAborted()
    const isTransient = error instanceof RegistryError && TRANSIENT.has(error.reason)
    if (!isTransient || error.cause instanceof RequestBodyError) throw error
    await this.#countFailure(() => error)
    // the request may have succeeded before its connection was lost
    if (isLast && (await hasBlob(this.#session, this.#blob.digest))) return true
    const response = await this.#requests.status(this.#location)
    const received = receivedBytes(response)
    const isUsable = received !== undefined && received <= this.#blob.size
    if (response.status >= 300 || !isUsable) await this.#restart()
    else {
      this.#isResumed = true
      this.#continueAt(response, received)
    }
    return false
  }

  /** Continues in another way after a part was refused. Throws RegistryError when there is none. */
  async #meetRefusal(response: EgressResponse, part: { length: number; isLast: boolean }): Promise<void> {
    const { status } = response
    const error = () => this.#session.responseError(this.#requests.topic, response)
    if (status === 404) return this.#restart(error)
    // the registry still writes what an interrupted request has sent
    if (status === 409) return this.#countFailure(error)
    const received = status === 416 ? receivedBytes(response) : undefined
    if (received !== undefined && received !== this.#offset) {
      if (received > this.#blob.size) return this.#sendWhole(received, this.#offset)
      // the registry still writes what an interrupted request has sent: with progress that is no failure
      const hasProgress = this.#isResumed && received - this.#offset >= PROGRESS
      await (hasProgress ? this.#pause() : this.#countFailure(error))
      return this.#continueAt(response, received)
    }
    if (status === 413 || status === 416) {
      if (this.#chunks.shrink(part.length)) return this.#countFailure(error)
    }
    // after an interruption the registry may have kept other bytes than it reports
    if (part.isLast && this.#isResumed) return this.#restart(error)
    if (part.length === this.#blob.size || !CHUNK_REFUSED.has(status)) throw await error()
    this.#chunks.useWhole()
    return this.#restart(error)
  }

  /** Starts again with the whole blob by one request. */
  #sendWhole(received: number, sent: number): Promise<void> {
    this.#chunks.useWhole()
    return this.#restart(() => this.#requests.unusable(`it reports ${received} bytes, but ${sent} were sent`))
  }

  async #restart(error: FailureOf = () => this.#requests.unusable('it loses the upload')): Promise<void> {
    await this.#countFailure(error)
    this.#begin(await this.#requests.start(null))
  }

  /** Throws the error when there were too many failures, else waits before the next request. */
  async #countFailure(error: FailureOf): Promise<void> {
    this.#failures += 1
    if (this.#failures > this.#session.options.limits.resumptions) throw await error()
    await this.#pause()
  }

  #pause(): Promise<void> {
    const { limits, clock } = this.#session.options
    return clock.sleep(limits.retryDelay, this.#session.signal)
  }
}

/** Bytes by which an upload that a registry still writes must have grown. */
const PROGRESS = 64 * 1024

type FailureOf = () => Error | Promise<Error>

/** Statuses by which registries refuse a part of a blob: for its size, or because they take whole blobs only. */
const CHUNK_REFUSED: ReadonlySet<number> = new Set([400, 405, 411, 413, 415, 416, 501])

const COMPLETED: ReadonlySet<number> = new Set([200, 201, 204])

/** Reasons that prove nothing about the upload. */
const TRANSIENT: ReadonlySet<string> = new Set(['RegistryUnavailable', 'TooManyRequests'])

/**
 * Returns the number of bytes in the response's Range; undefined without one. `0-0` is the response for no byte and for one byte.
 * Source: OCI distribution-spec, pushing a blob in chunks.
 */
function receivedBytes({ headers: { range } }: EgressResponse): number | undefined {
  const [, last] = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(String(range)) ?? []
  if (last === undefined) return undefined
  return last === '0' ? 0 : Number(last) + 1
}
