import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { basicCredentials } from '../../logins/registry-login.ts'
import type { Authentication, Delivery, SenderEndpoint } from './sender.ts'

const sha256 = (value: string): Buffer => createHash('sha256').update(value).digest()

const refused = (reason: string): Authentication => ({ ok: false, reason })

/** Reports whether any sent value is an expected one. Its duration depends only on how many there are. */
function matches(sent: readonly string[], expected: readonly string[]): boolean {
  let found = false
  for (const one of sent) {
    for (const other of expected) {
      // digests have the same length, and all pairs are compared
      if (timingSafeEqual(sha256(one), sha256(other))) found = true
    }
  }
  return found
}

/** An empty secret is not secret. */
const nonEmpty = (secrets: readonly string[]): string[] => secrets.filter((secret) => secret !== '')

function compare(
  sent: readonly string[],
  secrets: readonly string[],
  { expected, missing, wrong }: { expected: (secret: string) => string; missing: string; wrong: string },
): Authentication {
  const usable = nonEmpty(secrets)
  if (usable.length === 0) return refused('the webhook has no secret')
  if (sent.length === 0) return refused(missing)
  return matches(sent, usable.map(expected)) ? { ok: true } : refused(wrong)
}

/** Checks the secret in `Authorization`: alone, as `Bearer` token, or as `Basic` password with any username. */
export function authenticateToken({ headers }: Delivery, secrets: readonly string[]): Authentication {
  return compare(tokensOf(headers.authorization ?? ''), secrets, {
    expected: (secret) => secret,
    missing: 'the header Authorization is missing',
    wrong: 'the header Authorization has another secret',
  })
}

function tokensOf(header: string): string[] {
  if (header === '') return []
  const [, scheme = '', rest = ''] = /^(\w+) +(.*)$/.exec(header) ?? []
  if (/^bearer$/i.test(scheme)) return [header, rest]
  if (!/^basic$/i.test(scheme)) return [header]
  const pair = Buffer.from(rest, 'base64').toString('utf8')
  return [header, pair.slice(pair.indexOf(':') + 1)].filter((token) => token !== '')
}

/** Returns the `Authorization` header of a sample delivery. */
export const basicOf = (username: string, password: string): string =>
  `Basic ${basicCredentials(username, password)}`

/** Checks the secret in `?secret=` of the URL, for a sender that cannot send it elsewhere. */
export function authenticateUrl({ query }: Delivery, secrets: readonly string[]): Authentication {
  return compare(query.getAll('secret').slice(0, 1), secrets, {
    expected: (secret) => secret,
    missing: 'the URL has no ?secret=',
    wrong: 'the URL has another secret',
  })
}

/** Checks the secret in a header of the sender. */
export function authenticateHeader(
  { headers }: Delivery,
  secrets: readonly string[],
  name: string,
): Authentication {
  const value = headers[name] ?? ''
  return compare(value === '' ? [] : [value], secrets, {
    expected: (secret) => secret,
    missing: `the header ${name} is missing`,
    wrong: `the header ${name} has another secret`,
  })
}

/** The format of a sender's HMAC of the body. */
export interface BodySignature {
  readonly header: string
  readonly algorithm: 'sha1' | 'sha256'
  /** Text before the hexadecimal digits. */
  readonly prefix: string
}

/** Checks a header with an HMAC of the raw body. */
export function authenticateSignature(
  { headers, body }: Delivery,
  secrets: readonly string[],
  signature: BodySignature,
): Authentication {
  const value = headers[signature.header] ?? ''
  return compare(value === '' ? [] : [value], secrets, {
    expected: (secret) => signBody(body, secret, signature),
    missing: `the signature header ${signature.header} is missing`,
    wrong: `the signature in the header ${signature.header} does not match`,
  })
}

/** Returns the value of the signature header. */
export const signBody = (
  body: Uint8Array,
  secret: string,
  { algorithm, prefix }: Pick<BodySignature, 'algorithm' | 'prefix'>,
): string => prefix + createHmac(algorithm, secret).update(body).digest('hex')

/** Checks that any of the signatures is the expected one of a secret. */
export const authenticateSignatures = (
  signatures: readonly string[],
  secrets: readonly string[],
  expected: (secret: string) => string,
): Authentication =>
  compare(signatures, secrets, {
    expected,
    missing: 'the delivery has no signature of a supported scheme',
    wrong: 'no signature matches',
  })

/** Returns the URL with the secret in its query. */
export const urlWithSecret = ({ url, secret }: Pick<SenderEndpoint, 'url' | 'secret'>): string =>
  `${url}?secret=${encodeURIComponent(secret)}`
