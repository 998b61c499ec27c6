import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { operationFields, type RequestRecord } from './request-record.ts'

interface LoggedExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** Address of the client; null when the connection is closed. */
  readonly address: string | null
  readonly record: RequestRecord
}

/** Logs one line for each request when its response has ended. `onEnd` receives the seconds that it took. */
export function logRequest(
  log: Logger,
  { request, response, requestId, address, record }: LoggedExchange,
  onEnd: (seconds: number) => void,
): void {
  const since = performance.now()
  response.once('close', () => {
    const milliseconds = performance.now() - since
    const { path, operation } = record
    log.info(
      {
        requestId,
        ...(address !== null && { address }),
        method: request.method,
        path,
        status: response.statusCode,
        ms: Math.round(milliseconds * 10) / 10,
        ...(operation && operationFields(operation)),
        ...(!response.writableFinished && { isCut: true }),
      },
      'request',
    )
    onEnd(milliseconds / 1000)
  })
}

/** Characters of a path in the log. */
const MAX_PATH = 200

/** Returns the path of a URL without its query, which may have a secret. */
export const pathOf = ({ url = '/' }: Pick<IncomingMessage, 'url'>): string => url.split('?', 1)[0] ?? url

/** Returns a path for the log, if it is one of the server's. */
export const knownPath = (path: string): string => path.slice(0, MAX_PATH)

/**
 * Returns what the log has of a path that the server does not have: its beginning. The rest may be the secret address of a receiver
 * that was deleted or mistyped, and an absolute URL may have a password.
 */
export function unknownPath(path: string): string {
  const [, first = '', ...rest] = path.split('/', 3)
  if (!path.startsWith('/') || first.length > 24) return '/…'
  return rest.length > 0 ? `/${first}/…` : `/${first}`
}
