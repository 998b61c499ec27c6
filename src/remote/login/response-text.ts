import type { EgressResponse } from '../../egress/exchange.ts'
import { isObject, parseJson } from '../../oci/json.ts'

/** Characters of a body's text in a message. */
const MAX_TEXT = 200
/** Bytes of a body that are read for a message. */
const MAX_ERROR_BODY = 64 * 1024

/**
 * Describes a response for a message: `it responded with 401 UNAUTHORIZED: …`. `source` is the responding host; the secrets
 * are removed.
 */
export const errorText = (response: EgressResponse, source: string, secrets: readonly string[]): string =>
  `${source} responded with ${[response.status, bodyText(response, secrets)].filter(Boolean).join(' ')}`

/** Returns the error in a response's body as one short line without secrets. */
function bodyText({ body, headers }: EgressResponse, secrets: readonly string[]): string {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, MAX_ERROR_BODY)).toString()
  if (/^\s*</.test(text) || /html/i.test(String(headers['content-type'] ?? ''))) return 'and a web page'
  return redact(messageOf(text), secrets)
}

function messageOf(text: string): string {
  const json = parseJson(text)
  if (json === undefined) return text
  if (!isObject(json)) return ''
  const first: unknown = Array.isArray(json.errors) ? json.errors[0] : json
  if (!isObject(first)) return ''
  // AWS has a separate type, and Microsoft Entra appends a trace id that differs each time
  return [
    first.code ?? first.error ?? first.__type,
    first.message ?? first.details ?? first.error_description,
    // of a registry: Nexus has the reason there
    first.code && first.detail,
  ]
    .filter((part) => typeof part === 'string' && part !== '')
    .join(': ')
    .replace(/\s*Trace ID: .*$/s, '')
}

/** Returns the secret itself and its encodings in URLs and forms. */
const spellingsOf = (secret: string): string[] => [
  secret,
  // through a buffer: encodeURIComponent throws for half of a surrogate pair
  encodeURIComponent(Buffer.from(secret).toString()),
  new URLSearchParams([['', secret]]).toString().slice(1),
]

/** Returns one line of at most 200 characters without control characters, URL logins, authorizations and the secrets. */
function redact(text: string, secrets: readonly string[]): string {
  let clean = text.slice(0, MAX_ERROR_BODY)
  for (const secret of secrets.filter(({ length }) => length > 3)) {
    for (const spelled of spellingsOf(secret)) clean = clean.replaceAll(spelled, '***')
  }
  clean = clean
    .replace(/\p{C}+/gu, ' ')
    .replace(/\/\/[^/\s@]*@/g, '//***@')
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 ***')
    .replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '***')
    .replace(/\b(\w*(?:password|passwd|secret|token|assertion|signature|sig|api_?key))=[^\s&"']+/gi, '$1=***')
    // a request id would make each failure look different from the last one
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '…')
    .replace(/\s+/g, ' ')
    .trim()
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean
}
