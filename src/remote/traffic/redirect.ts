import { ForbiddenTargetError, type ForbiddenTargetProblem } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { HostClient, HostRequest } from './host-client.ts'
import type { RequestContext } from './request-context.ts'

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** A request to the target of a redirect failed; `cause` is the failure. */
export class RedirectError extends Error {
  override readonly name = 'RedirectError'
}

export interface RedirectedResponse {
  readonly response: EgressResponse
  /** The URL of the last request. */
  readonly url: URL
  /** Whether the response comes from another origin than the first request's. */
  readonly isOtherOrigin: boolean
}

export interface RedirectableRequest extends HostRequest {
  /** Sent to the first origin only. */
  readonly authorization: string | undefined
}

/**
 * Sends the request and follows up to five redirects. When the scheme, host or port changes, Authorization and all headers
 * except Accept and Range are dropped for the rest of the chain. From https to http only when insecure. A POST is not
 * followed: its body is for the first host only. Rejects as HostClient.request does, and with RedirectError for a failure
 * after the first request.
 */
export async function requestFollowingRedirects(
  client: HostClient,
  first: URL,
  { authorization, ...request }: RedirectableRequest,
  context: RequestContext,
): Promise<RedirectedResponse> {
  // the account is unknown to other hosts
  const { account: _, ...withoutAccount } = request
  let url = first
  let isOtherOrigin = false
  for (let redirects = 0; ; redirects += 1) {
    let response: EgressResponse
    try {
      const headers = headersFor(request, authorization, isOtherOrigin)
      response = await client.request(
        url,
        { ...(isOtherOrigin ? withoutAccount : request), headers },
        context,
      )
    } catch (error) {
      if (redirects === 0 || context.signal.aborted) throw error
      throw new RedirectError('redirect', { cause: error })
    }
    const { location } = response.headers
    const isFollowed = REDIRECTS.has(response.status) && request.method !== 'POST'
    if (!isFollowed || typeof location !== 'string') return { response, url, isOtherOrigin }
    if (redirects === MAX_REDIRECTS) throw new RedirectError(`there are more than ${MAX_REDIRECTS} redirects`)
    const next = targetOf(location, url, context.insecure)
    isOtherOrigin ||= next.origin !== url.origin
    url = next
  }
}

const headersFor = (
  { headers }: HostRequest,
  authorization: string | undefined,
  isOtherOrigin: boolean,
): Readonly<Record<string, string>> => {
  if (!isOtherOrigin) return authorization === undefined ? headers : { ...headers, authorization }
  const { accept, range } = headers
  return { ...(accept !== undefined && { accept }), ...(range !== undefined && { range }) }
}

const targetOf = (location: string, from: URL, insecure: boolean): URL => {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  const isWeb = target?.protocol === 'https:' || target?.protocol === 'http:'
  const forbidden = (problem: ForbiddenTargetProblem) =>
    new RedirectError('redirect', { cause: new ForbiddenTargetError(problem) })
  if (!target || !isWeb) throw forbidden('url')
  if (from.protocol === 'https:' && target.protocol === 'http:' && !insecure) throw forbidden('plain')
  return target
}
