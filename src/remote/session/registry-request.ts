import type { Clock } from '../../concurrency/clock.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { AuthorizerOptions } from '../login/authorizer.ts'
import type { Credentials } from '../login/credentials.ts'
import type { RequestSubject } from '../login/registry-errors.ts'
import type { HostClient, HostRequest } from '../traffic/host-client.ts'
import type { RemoteLimits } from '../traffic/limits.ts'
import type { RedirectableRequest } from '../traffic/redirect.ts'

/** What the requests of a session depend on. */
export interface SessionOptions extends AuthorizerOptions {
  readonly client: HostClient
  readonly credentials: Credentials
  readonly clock: Clock
  readonly limits: RemoteLimits
  /** Sends no request anonymously when the credential is refused: content is pushed in the name of the credential only. */
  readonly isPush?: boolean
  /** Receives a violation of the protocol that did not prevent the request; "it" in the message is the registry. */
  readonly warn: (message: string) => void
}

/** The requested content, for the messages of errors. */
export type RequestTopic = Omit<RequestSubject, 'registry' | 'repository'>

/** One request to a registry. */
export interface RegistryRequest
  extends RequestTopic,
    Pick<
      HostRequest,
      'body' | 'headers' | 'maxBytes' | 'isPull' | 'isOnce' | 'stream' | 'timeout' | 'headersTimeout'
    >,
    Pick<RedirectableRequest, 'isPush'> {
  /** Unless it is sent once, it may be repeated. */
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  /** Path and query; or a URL that the registry named, whose host receives no authorization if it is another one. */
  readonly path: string
}

/** The request that reports how the registry must be authorized. Source: OCI distribution-spec, determining support. */
export const BASE_REQUEST: RegistryRequest = {
  what: 'the registry',
  unreadable: 'RegistryUnavailable',
  method: 'GET',
  path: '/v2/',
  headers: {},
  maxBytes: 64 * 1024,
}

/** A response of a registry or its token server, and how it was obtained. */
export interface RegistryResponse {
  readonly response: EgressResponse
  /** The responding host in messages: `it`, the registry, or `its token server`. */
  readonly source: string
  readonly signedIn: boolean
  /** The token server that did not receive the credential, because it is not trusted for the registry. */
  readonly withheldFrom: string | undefined
}

/** Reports whether the registry denies access. */
export const isDenied = ({ status }: EgressResponse): boolean => status === 401 || status === 403

/** Statuses with which registries hide a repository from clients without access. */
export const HIDDEN: ReadonlySet<number> = new Set([401, 403, 404])
