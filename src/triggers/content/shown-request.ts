import type { OutgoingRequest } from './action-kind.ts'

/** A request as it is shown: secrets are replaced. */
export interface ShownRequest extends Pick<OutgoingRequest, 'method' | 'url' | 'headers' | 'body'> {
  /** Whether the body is longer than what is shown. */
  readonly isBodyShortened?: boolean
}

/** Characters of a sent body that are kept. */
const KEPT_BODY = 8_000

/** Returns a request as it is kept. */
export const shortened = ({ body, ...request }: ShownRequest): ShownRequest => ({
  ...request,
  body: body.slice(0, KEPT_BODY),
  isBodyShortened: body.length > KEPT_BODY,
})

/** Stands for a secret. */
const MASK = '•••'
/** A text of fewer characters is no secret, and could be anywhere. */
const SHORTEST_SECRET = 4

/** Replaces secrets in a text, also where they are part of a URL, of JSON, of HTML, or encoded as base64. */
export function maskedText(text: string, secrets: readonly string[]): string {
  let result = text
  for (const secret of secrets.filter(({ length }) => length >= SHORTEST_SECRET)) {
    for (const spelling of new Set([
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      secret
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;'),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ])) {
      result = result.replaceAll(spelling, MASK)
    }
  }
  return result
}

/** Replaces the secrets of a request, and its signatures. */
export function masked(
  { method, url, headers, body }: OutgoingRequest,
  secrets: readonly string[],
): ShownRequest {
  const shown = Object.entries(headers).map(([name, value]) => [
    name,
    SECRET_HEADERS.test(name) || secrets.includes(value) ? MASK : maskedText(value, secrets),
  ])
  return {
    ...{ method, url: maskedText(url, secrets), headers: Object.fromEntries(shown) },
    body: maskedText(body, secrets),
  }
}

/** Returns what secrets have become in headers: Basic credentials, and signatures. A receiver may repeat them. */
export const credentialsOf = ({ headers }: OutgoingRequest): string[] =>
  Object.entries(headers)
    .filter(([name]) => SECRET_HEADERS.test(name))
    .flatMap(([, value]) => value.split(' '))
    .filter(({ length }) => length >= SHORTEST_CREDENTIAL)

const SHORTEST_CREDENTIAL = 12
const SECRET_HEADERS = /^(?:authorization|.*signature.*|.*token.*|cookie)$/
