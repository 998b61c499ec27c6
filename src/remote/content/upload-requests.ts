import type { EgressResponse } from '../../egress/exchange.ts'
import type { StreamedBody } from '../../egress/request-body.ts'
import { algorithmOf, type Digest, parseDigest } from '../../oci/digest.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { RequestTopic } from '../session/registry-request.ts'
import type { Session } from '../session/session.ts'
import { blobTimeout } from './blobs.ts'

/** Bytes of a response. */
const MAX_RESPONSE = 64 * 1024

/** A part of a blob as one request. */
export interface UploadPart {
  readonly location: string
  readonly body: StreamedBody
  /** Offset of the first byte; null for a whole blob. */
  readonly offset: number | null
}

/** Requests of blob uploads to one repository. Source: OCI distribution-spec, pushing blobs. */
export class UploadRequests {
  readonly topic: RequestTopic
  readonly #session: Session
  readonly #digest: Digest

  constructor(session: Session, digest: Digest) {
    this.#session = session
    this.#digest = digest
    this.topic = { what: `the blob ${digest}`, unreadable: 'RegistryUnavailable', isPush: true }
  }

  /** Starts an upload. Returns the response 202, or a 201 where the registry has the blob of the repository `mountFrom`. */
  async start(mountFrom: string | null): Promise<EgressResponse> {
    const mount =
      mountFrom === null ? '' : `?${new URLSearchParams({ mount: this.#digest, from: mountFrom })}`
    const { repository } = this.#session
    const topic = { ...this.topic, absent: `the repository ${repository}` }
    const path = `/v2/${repository}/blobs/uploads/${mount}`
    const response = await this.#request({ ...topic, method: 'POST', path, body: '' })
    const { status } = response
    if (status === 202 || (status === 201 && mountFrom !== null)) return response
    throw await this.#session.responseError(topic, response)
  }

  /** Requests how much of the blob has arrived. */
  status(location: string): Promise<EgressResponse> {
    return this.#request({ ...this.topic, method: 'GET', path: location })
  }

  /** Sends a part, once: the caller finds out what has arrived of one that fails. */
  send({ location, body, offset }: UploadPart, isLast: boolean): Promise<EgressResponse> {
    const range = offset !== null && body.size > 0 && `${offset}-${offset + body.size - 1}`
    return this.#request({
      ...this.topic,
      method: isLast ? 'PUT' : 'PATCH',
      path: isLast ? withDigest(location, this.#digest) : location,
      headers: { 'content-type': 'application/octet-stream', ...(range && { 'content-range': range }) },
      body,
      isOnce: true,
      timeout: blobTimeout(this.#session.options.limits, body.size),
    })
  }

  /** Returns the location of the upload that a response names; undefined when it names none. */
  locationOf({ headers: { location } }: EgressResponse): string | undefined {
    const { origin } = this.#session.options.hints
    if (typeof location !== 'string' || !URL.canParse(location, origin.href)) return undefined
    const url = new URL(location, origin)
    url.hash = ''
    // behind a proxy that ends TLS, registries name themselves with http
    return url.host === origin.host ? url.pathname + url.search : url.href
  }

  /** Throws RegistryError when the response to the last part is of another blob. */
  confirm({ headers }: EgressResponse): void {
    const reported = parseDigest(headers['docker-content-digest'])
    if (!reported || reported === this.#digest || algorithmOf(reported) !== algorithmOf(this.#digest)) return
    throw this.unusable(`its Docker-Content-Digest is ${reported}`)
  }

  /** Returns the error for a response that violates the protocol. */
  unusable(why: string): Error {
    return unreadableError(this.#session.subject(this.topic), why)
  }

  #request(
    request: Omit<Parameters<Session['request']>[0], 'headers' | 'maxBytes'> & {
      readonly headers?: Readonly<Record<string, string>>
    },
  ): Promise<EgressResponse> {
    return this.#session.request({ headers: {}, ...request, maxBytes: MAX_RESPONSE })
  }
}

/** The location may have a query, which is kept as it is: it may be signed. */
const withDigest = (location: string, digest: Digest): string =>
  `${location}${location.includes('?') ? '&' : '?'}${new URLSearchParams({ digest })}`
