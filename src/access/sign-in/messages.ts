import { createHash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import type { Client } from '../right/viewer.ts'
import { codePage, confirmationPage, messagePage, STYLE } from './pages.ts'

/** A request to one of the pages and endpoints. */
export interface SignInRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Fields of the form in the body; empty without one. */
  readonly form: URLSearchParams
  /** All cookies of the browser. */
  readonly cookie: string | undefined
  /** Host by which the client addresses this server. */
  readonly host: string | undefined
  /** Whether the browser uses TLS, as far as the request shows it. */
  readonly isOverTls: boolean
  /** False for a request that a page of another site starts. */
  readonly isOwnPage: boolean
  readonly client: Client
}

/** The response. */
export interface SignInResponse {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

const NO_STORE = { 'Cache-Control': 'no-store' }
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Sends the browser to another address, with cookies that it sets first. */
export const redirect = (location: string, cookies: readonly string[] = []): SignInResponse => ({
  status: 303,
  headers: {
    ...NO_STORE,
    'Referrer-Policy': 'no-referrer',
    Location: location,
    ...(cookies.length > 0 && { 'Set-Cookie': [...cookies] }),
  },
  body: '',
})

/** Returns a page that runs nothing and cannot be shown inside of another one. Its form leads to `formTarget`, besides this server. */
const html = (status: number, body: string, formTarget = ''): SignInResponse => ({
  status,
  headers: {
    ...NO_STORE,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self' ${formTarget}; base-uri 'none'; frame-ancestors 'none'`,
    'X-Frame-Options': 'DENY',
    // with no-referrer a browser sends its form with the origin null
    'Referrer-Policy': 'same-origin',
  },
  body,
})

/** Returns a page with a message. */
export const message = (status: number, ...texts: Parameters<typeof messagePage>): SignInResponse =>
  html(status, messagePage(...texts))

/** Returns a page that asks a person to confirm. The browser may go on to `formTarget` afterwards: an origin. */
export const confirmation = (
  page: Parameters<typeof confirmationPage>[0],
  formTarget?: string,
): SignInResponse => html(200, confirmationPage(page), formTarget)

/** Returns a page that asks for the code of a program. */
export const codeRequest = (status: number, ...texts: Parameters<typeof codePage>): SignInResponse =>
  html(status, codePage(...texts))

/** Returns a response of an endpoint for programs. */
export const json = (status: number, value: object): SignInResponse => ({
  status,
  headers: { ...NO_STORE, 'Content-Type': 'application/json; charset=utf-8' },
  body: JSON.stringify(value),
})

/** Returns an error of an endpoint for programs. Source: RFC 6749 §5.2. */
export const oauthError = (error: string, description: string): SignInResponse =>
  json(400, { error, error_description: description })
