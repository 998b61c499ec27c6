import type { SignInRequest } from '../../access/sign-in/messages.ts'
import type { SignInPages } from '../../access/sign-in/sign-in.ts'
import { readBody } from '../../request-body/read-body.ts'
import { respond } from '../../request-body/respond.ts'
import type { HttpExchange } from '../request/response.ts'
import { isOverTls, mayConnect, type OriginPolicy } from '../request/sender.ts'

const MAX_BODY_BYTES = 16 * 1024

/** Responds to a request to one of the pages and endpoints. Rejects with UnreadBodyError. */
export async function respondSignInPage(
  pages: Pick<SignInPages, 'handle'>,
  { request, response, requestId, address, memory }: HttpExchange,
  { ownOrigin }: Pick<OriginPolicy, 'ownOrigin'>,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request
  const [path = '', query] = url.split(/\?(.*)/s, 2)
  const body = method === 'POST' ? await readBody(request, { maxBytes: MAX_BODY_BYTES, memory }) : ''
  const asked: SignInRequest = {
    method,
    path,
    query: new URLSearchParams(query),
    form: new URLSearchParams(body.toString()),
    cookie: headers.cookie,
    host: headers.host,
    isOverTls: isOverTls(request),
    // browsers send it with each form
    isOwnPage: headers.origin !== undefined && mayConnect(request, { allowedOrigins: [], ownOrigin }),
    client: { address, requestId },
  }
  const result = await pages.handle(asked)
  respond(response, result.status, result.headers, result.body)
}
