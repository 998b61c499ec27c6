import type { EgressResponse } from '../../egress/exchange.ts'
import type { Session } from '../session/session.ts'

const MIB = 1024 * 1024

/** Sizes by which registries differ from the specification. Source: the registries' responses, as their users report them. */
const CHUNK_BY_HOST: Readonly<Record<string, number>> = {
  // 416 "exceeds the maximum permissible limit of 4.00MiB"
  'ghcr.io': 4 * MIB,
}

/** A chunk is at most so many times smaller than the usual one. */
const SMALLEST_FRACTION = 16
const FRACTION = 4

/** The sizes of the chunks in which blobs are uploaded to a repository. In one that does not accept chunks it is Infinity. */
export class UploadChunks {
  readonly #session: Session
  /** Bytes of the next request. */
  size: number
  #smallest: number
  #isChanged = false

  constructor(session: Session) {
    const { limits, hints, clock } = session.options
    this.#session = session
    this.#smallest = Math.ceil(limits.uploadChunk / SMALLEST_FRACTION)
    const usual = CHUNK_BY_HOST[hints.host] ?? limits.uploadChunk
    this.size = hints.uploads.chunkOf(session.repository, clock.now()) ?? usual
  }

  /** Whether the blob is sent by one request regardless of its size. */
  get isWhole(): boolean {
    return this.size === Number.POSITIVE_INFINITY
  }

  /** Applies the limits in the response that started an upload. Source: OCI distribution-spec, pushing a blob in chunks. */
  limitBy({ headers }: EgressResponse): void {
    if (this.isWhole) return
    const smallest = lengthOf(headers['oci-chunk-min-length']) ?? this.#smallest
    const largest = lengthOf(headers['oci-chunk-max-length']) ?? Number.POSITIVE_INFINITY
    this.size = Math.max(Math.min(this.size, largest), smallest, this.#smallest)
    this.#smallest = Math.max(smallest, this.#smallest)
  }

  /** Makes chunks smaller than a refused one. Returns false when they are as small as possible. */
  shrink(refused: number): boolean {
    const next = Math.max(Math.floor(Math.min(refused, this.size) / FRACTION), this.#smallest)
    if (this.isWhole || next >= refused) return false
    this.size = next
    this.#isChanged = true
    return true
  }

  /** Sends whole blobs from now on. */
  useWhole(): void {
    this.size = Number.POSITIVE_INFINITY
    this.#isChanged = true
  }

  /** Remembers the size for the next blobs, if the registry has accepted it in place of another one. */
  remember(): void {
    if (!this.#isChanged) return
    const { hints, clock } = this.#session.options
    hints.uploads.record(this.#session.repository, this.size, clock.now())
  }
}

const lengthOf = (header: string | string[] | undefined): number | undefined =>
  typeof header === 'string' && /^[1-9]\d{0,14}$/.test(header) ? Number(header) : undefined
