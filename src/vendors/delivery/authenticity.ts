import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { basicCredentials } from '../../logins/registry-login.ts'
import type { Authentication, Delivery, SenderEndpoint } from './sender.ts'

const sha256 = (value: string): Buffer => createHash('sha256').update(value).digest()

const refused = (reason: string): Authentication => ({ ok: false, reason })

/** Whether one of what is shown is one of what would do. The time it takes tells nothing of either but how many. */
function matches(shown: readonly string[], expected: readonly string[]): boolean {
  let found = false
  for (const one of shown) {
    for (const other of expected) {
      // digests have one length, and all are looked at whichever it is
      if (timingSafeEqual(sha256(one), sha256(other))) found = true
    }
  }
  return found
}

/** An empty secret is none: everybody knows it. */
const live = (secrets: readonly string[]): string[] => secrets.filter((secret) => secret !== '')

function compare(
  shown: readonly string[],
  secrets: readonly string[],
  { expected, missing, wrong }: { expected: (secret: string) => string; missing: string; wrong: string },
): Authentication {
  const usable = live(secrets)
  if (usable.length === 0) return refused('the endpoint has no secret, so nothing can be believed')
  if (shown.length === 0) return refused(missing)
  return matches(shown, usable.map(expected)) ? { ok: true } : refused(wrong)
}

/** The secret as `Authorization`: by itself, as `Bearer` token, or as password of `Basic`, whatever the username. */
export function authenticateToken({ headers }: Delivery, secrets: readonly string[]): Authentication {
  return compare(tokensOf(headers.authorization ?? ''), secrets, {
    expected: (secret) => secret,
    missing: 'the header Authorization is missing',
    wrong: 'the header Authorization shows another secret',
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

/** The secret as `Authorization`, for a sample of a sender that shows it so. */
export const basicOf = (username: string, password: string): string =>
  `Basic ${basicCredentials(username, password)}`

/** The secret as `?secret=` of the address, for a sender that can show nothing else. */
export function authenticateUrl({ query }: Delivery, secrets: readonly string[]): Authentication {
  return compare(query.getAll('secret').slice(0, 1), secrets, {
    expected: (secret) => secret,
    missing: 'the address has no ?secret=',
    wrong: 'the address shows another secret',
  })
}

/** The secret as a header of the sender's own. */
export function authenticateHeader(
  { headers }: Delivery,
  secrets: readonly string[],
  name: string,
): Authentication {
  const shown = headers[name] ?? ''
  return compare(shown === '' ? [] : [shown], secrets, {
    expected: (secret) => secret,
    missing: `the header ${name} is missing`,
    wrong: `the header ${name} shows another secret`,
  })
}

/** How a sender writes its HMAC of the body. */
export interface BodySignature {
  readonly header: string
  readonly algorithm: 'sha1' | 'sha256'
  /** What stands before the digits. */
  readonly prefix: string
}

/** An HMAC of the raw body with the secret, in hexadecimal digits. */
export function authenticateSignature(
  { headers, body }: Delivery,
  secrets: readonly string[],
  signature: BodySignature,
): Authentication {
  const shown = headers[signature.header] ?? ''
  return compare(shown === '' ? [] : [shown], secrets, {
    expected: (secret) => signBody(body, secret, signature),
    missing: `the signature, the header ${signature.header}, is missing`,
    wrong: `the header ${signature.header} is no signature of this body with the secret`,
  })
}

/** The header's value. */
export const signBody = (
  body: Uint8Array,
  secret: string,
  { algorithm, prefix }: Pick<BodySignature, 'algorithm' | 'prefix'>,
): string => prefix + createHmac(algorithm, secret).update(body).digest('hex')

/** Some of the given signatures must be what is expected with a secret. */
export const authenticateSignatures = (
  shown: readonly string[],
  secrets: readonly string[],
  expected: (secret: string) => string,
): Authentication =>
  compare(shown, secrets, {
    expected,
    missing: 'there is no signature that is known here',
    wrong: 'no signature is one of this body with the secret',
  })

/** The address with the secret in it. */
export const urlWithSecret = ({ url, secret }: Pick<SenderEndpoint, 'url' | 'secret'>): string =>
  `${url}?secret=${encodeURIComponent(secret)}`
