import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Viewer } from '../../access/right/viewer.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { BodyMemory } from '../../request-body/body-budget.ts'

/** A request to the registry itself, and its response. */
export interface RegistryCall {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Memory for the request's body; the caller of the registry releases it. */
  readonly memory: BodyMemory
  /** `/v2/<name>`, the name as the client wrote it: prefix of the links in the response. */
  readonly base: string
  readonly query: URLSearchParams
  /** Last part of the path, as the client wrote it: a digest, a tag or an upload's id. */
  readonly reference: string
  /** Who sends the request, with the rights that its credential has. */
  readonly viewer: Viewer
}

/** A request to a repository, and its response. */
export interface RegistryExchange extends RegistryCall {
  readonly repository: StreamName
}

/** Sends the response or throws. An OciError becomes an error response; any other error is an internal error. */
export type Handler<Call extends RegistryCall = RegistryExchange> = (exchange: Call) => void | Promise<void>

/** Media type of the registry's JSON, which has no parameters. */
export const JSON_TYPE = { 'Content-Type': 'application/json' } as const
