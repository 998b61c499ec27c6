import { ForbiddenTargetError, type ForbiddenTargetProblem } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { RequestBodyError } from '../../egress/request-body.ts'
import type { HostClient, HostRequest } from './host-client.ts'
import type { RequestContext } from './request-context.ts'

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Redirects that keep the method and the body. */
const PRESERVING_REDIRECTS = new Set([307, 308])
/** Headers that another origin receives too. */
const PUBLIC_HEADERS = ['accept', 'range', 'content-type', 'content-range']

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
  /** The registry's origin. */
  readonly origin: URL
  /** Sent to the registry's origin only. */
  readonly authorization: string | undefined
  /** Content that is pushed, which may have to be sent to another host. */
  readonly isPush?: boolean
}

/**
 * Sends the request to a path of the registry, or a URL that it named, and follows up to five redirects. When scheme, host
 * or port are not the registry's, Authorization and all headers except those of the content are dropped for the rest of the
 * chain. From https to http only when insecure. Of requests other than GET and HEAD, only those of a push are followed, with
 * method and body: the bodies of others are for the first host only. Rejects as HostClient.request does, and with RedirectError
 * for a failure of another origin, or after the first request.
 */
export async function requestFollowingRedirects(
  client: HostClient,
  target: string,
  { origin, authorization, isPush = false, ...request }: RedirectableRequest,
  context: RequestContext,
): Promise<RedirectedResponse> {
  // the account is unknown to other hosts
  const { account: _, ...withoutAccount } = request
  let url = targetOf(target, origin, context.insecure)
  let isOtherOrigin = url.origin !== origin.origin
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
      const isOfRegistry = redirects === 0 && !isOtherOrigin
      if (isOfRegistry || context.signal.aborted || error instanceof RequestBodyError) throw error
      throw new RedirectError('redirect', { cause: error })
    }
    const { location } = response.headers
    const followed = isRead(request) ? REDIRECTS : isPush ? PRESERVING_REDIRECTS : NONE
    const isFollowed = followed.has(response.status)
    if (!isFollowed || typeof location !== 'string') return { response, url, isOtherOrigin }
    if (redirects === MAX_REDIRECTS) throw new RedirectError(`there are more than ${MAX_REDIRECTS} redirects`)
    const next = targetOf(location, url, context.insecure)
    isOtherOrigin ||= next.origin !== url.origin
    url = next
  }
}

const NONE: ReadonlySet<number> = new Set()

const isRead = ({ method = 'GET' }: HostRequest): boolean => method === 'GET' || method === 'HEAD'

const headersFor = (
  { headers }: HostRequest,
  authorization: string | undefined,
  isOtherOrigin: boolean,
): Readonly<Record<string, string>> => {
  if (!isOtherOrigin) return authorization === undefined ? headers : { ...headers, authorization }
  return Object.fromEntries(Object.entries(headers).filter(([name]) => PUBLIC_HEADERS.includes(name)))
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
