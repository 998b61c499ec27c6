import { ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { HostClient, HostRequest, RequestContext } from './host-client.ts'

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** A request to another host than the one that was asked first failed; `cause` says how. */
export class RedirectError extends Error {
  override readonly name = 'RedirectError'
}

export interface Followed {
  readonly answer: EgressResponse
  /** What was asked last. */
  readonly url: URL
  /** Whether it comes from another origin than the one that was asked. */
  readonly foreign: boolean
}

/** Headers that are for the origin that was asked and for no other. */
export interface FollowRequest extends HostRequest {
  readonly authorization: string | undefined
}

/**
 * Sends the request and follows up to five redirects, each through the client and so vetted anew. Once scheme, host or
 * port changes, Authorization and every header but Accept and Range stay behind for good. From https to http only when
 * insecure. A POST is not followed: its body was for whom it was sent to.
 * Rejects as the client does, with RedirectError for what failed after the first hop.
 */
export async function follow(
  client: HostClient,
  first: URL,
  { authorization, ...request }: FollowRequest,
  context: RequestContext,
): Promise<Followed> {
  const { account: _, ...stranger } = request
  let url = first
  let foreign = false
  for (let hops = 0; ; hops += 1) {
    let answer: EgressResponse
    try {
      const headers = headersFor(request, authorization, foreign)
      // another host has not heard of the account
      answer = await client.request(url, { ...(foreign ? stranger : request), headers }, context)
    } catch (error) {
      throw hops === 0 || context.signal.aborted ? error : new RedirectError('redirect', { cause: error })
    }
    const { location } = answer.headers
    const isFollowed = REDIRECTS.has(answer.status) && request.method !== 'POST'
    if (!isFollowed || typeof location !== 'string') return { answer, url, foreign }
    if (hops === MAX_REDIRECTS) throw new RedirectError(`it redirects more than ${MAX_REDIRECTS} times`)
    const next = targetOf(location, url, context.insecure)
    foreign ||= next.origin !== url.origin
    url = next
  }
}

const headersFor = (
  { headers }: HostRequest,
  authorization: string | undefined,
  foreign: boolean,
): Readonly<Record<string, string>> => {
  if (!foreign) return authorization === undefined ? headers : { ...headers, authorization }
  const { accept, range } = headers
  return { ...(accept !== undefined && { accept }), ...(range !== undefined && { range }) }
}

const targetOf = (location: string, from: URL, insecure: boolean): URL => {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  const isWeb = target?.protocol === 'https:' || target?.protocol === 'http:'
  if (!target || !isWeb || (from.protocol === 'https:' && target.protocol === 'http:' && !insecure)) {
    throw new RedirectError('redirect', { cause: new ForbiddenTargetError() })
  }
  return target
}
