import type { OutgoingHttpHeaders } from 'node:http'
import type { FirstAdmin } from '../../access/first-admin.ts'
import {
  cookieOver,
  type SessionCookie,
  secretInCookies,
  setCookie,
} from '../../access/identity/session-cookie.ts'
import type { UserSessions } from '../../access/identity/sessions.ts'
import { readBody } from '../../request-body/read-body.ts'
import { respond, respondJson } from '../../request-body/respond.ts'
import { GRAPHQL_PATH } from '../pipeline/pipeline.ts'
import { type HttpExchange, refuse, type ViewerExchange } from '../request/response.ts'
import { isOverTls, mayConnect, NOT_OUR_ORIGIN, type OriginPolicy } from '../request/sender.ts'

/** UserSessions of browsers, and how the first admin gets one. */
export interface SignIn {
  readonly cookie: SessionCookie
  readonly firstAdmin: Pick<FirstAdmin, 'accept'>
  readonly sessions: Pick<UserSessions, 'end'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const MAX_BODY_BYTES = 4 * 1024
const CODE = /^iso_[0-9A-Za-z]{1,60}$/

const PRIVATE_HEADERS = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }
const PAGE_HEADERS = {
  ...PRIVATE_HEADERS,
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'X-Frame-Options': 'DENY',
  // with no-referrer a browser sends its form with the origin null
  'Referrer-Policy': 'same-origin',
}

/**
 * Responds to the link for the first admin. A GET shows a page with a button, because programs that preview links would use the
 * code up; a POST with the code begins a session: a cookie for a browser, JSON with a bearer token for another program.
 */
export async function respondFirstAdmin(
  signIn: SignIn,
  { request, response, requestId, address, memory }: HttpExchange,
  origins: OriginPolicy,
): Promise<void> {
  if (request.method === 'GET' || request.method === 'HEAD') {
    const code = new URL(request.url ?? '', 'http://localhost').searchParams.get('code') ?? ''
    return respond(response, 200, PAGE_HEADERS, pageOf(CODE.test(code) ? code : ''))
  }
  if (request.method !== 'POST') {
    refuseMethod(response, 'GET, HEAD, POST')
    return
  }
  if (!mayConnect(request, origins)) return refuse(response, 403, 'FORBIDDEN', NOT_OUR_ORIGIN)
  const body = await readBody(request, { maxBytes: MAX_BODY_BYTES, memory })
  const code = new URLSearchParams(body.toString()).get('code') ?? ''
  const client = { address, requestId }
  const { session, secret } = signIn.firstAdmin.accept(code, client)
  const maxAge = Math.floor((session.expiresAt - signIn.now()) / 1000)
  if (wantsPage(request.headers.accept)) {
    const cookie = setCookie(cookieOver(isOverTls(request), signIn.cookie), { secret, maxAge })
    respond(response, 303, { ...PRIVATE_HEADERS, 'Set-Cookie': cookie, Location: GRAPHQL_PATH })
  } else {
    const expiresAt = new Date(session.expiresAt).toISOString()
    respondJson(response, 200, { session: secret, expiresAt }, PRIVATE_HEADERS)
  }
}

/** Ends the session that the request presents, and removes the cookie. */
export function respondSignOut(signIn: SignIn, { request, response, viewer }: ViewerExchange): void {
  if (request.method !== 'POST') {
    refuseMethod(response, 'POST')
    return
  }
  const { authorization, cookie } = request.headers
  const secret = authorization?.replace(/^bearer +/i, '') ?? secretInCookies(signIn.cookie, cookie)
  if (secret !== undefined) signIn.sessions.end(viewer, secret)
  const headers = { ...PRIVATE_HEADERS, 'Set-Cookie': setCookie(signIn.cookie) }
  if (wantsPage(request.headers.accept)) respond(response, 303, { ...headers, Location: GRAPHQL_PATH })
  else respond(response, 204, headers)
}

const wantsPage = (accept: string | undefined): boolean => accept?.includes('text/html') === true

function refuseMethod(response: HttpExchange['response'], allowed: string): void {
  const headers: OutgoingHttpHeaders = { Allow: allowed }
  refuse(response, 405, 'INVALID', `method not allowed: this path supports ${allowed}`, headers)
}

/** Returns the page; the code has no character that HTML escapes. */
const pageOf = (code: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in as the first admin · imagestreams</title>
<h1>Sign in as the first admin</h1>
<p>This link works once. You become a server admin, who may do everything.</p>
<form method="post"><input type="hidden" name="code" value="${code}"><button>Sign in</button></form>
</html>
`
