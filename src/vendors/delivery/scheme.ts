import { createHmac } from 'node:crypto'
import { isSameSecret } from '../../input/secret.ts'
import { basicCredentials } from '../../logins/registry-login.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryAuthentication, Scheme, SenderEndpoint } from './sender.ts'

/** Returns the result for a delivery that is not authentic. */
export const refused = (reason: string): DeliveryAuthentication => ({ ok: false, reason })

/** Reports whether any sent value is an expected one. Its duration depends only on how many there are. */
function matches(sent: readonly string[], expected: readonly string[]): boolean {
  let found = false
  for (const one of sent) {
    for (const other of expected) {
      // all pairs are compared
      if (isSameSecret(one, other)) found = true
    }
  }
  return found
}

/** Checks that one of the sent values is `expected` of one of the secrets: by default the secret itself. */
export function compare(
  sent: readonly string[],
  secrets: readonly string[],
  {
    expected = (secret) => secret,
    missing,
    wrong,
  }: { expected?: (secret: string) => string; missing: string; wrong: string },
): DeliveryAuthentication {
  // an empty secret is not secret
  const usable = secrets.filter((secret) => secret !== '')
  if (usable.length === 0) return refused('the receiver has no secret')
  if (sent.length === 0) return refused(missing)
  return matches(sent, usable.map(expected)) ? { ok: true } : refused(wrong)
}

/** Returns the delivery with more headers. */
export const withHeaders = (delivery: Delivery, headers: Delivery['headers']): Delivery => ({
  ...delivery,
  headers: { ...delivery.headers, ...headers },
})

/**
 * Accepts the secret in `Authorization`: alone, as `Bearer` token, or as `Basic` password with any username. Samples have it as
 * password of `username`, or else as token.
 */
export const inAuthorization = (username?: string): Scheme => ({
  authenticity: 'TOKEN',
  authenticate: ({ headers }, secrets) =>
    compare(tokensOf(headers.authorization ?? ''), secrets, {
      missing: 'the header Authorization is missing',
      wrong: 'the header Authorization has another secret',
    }),
  sign(delivery, { secret }) {
    const basic = username !== undefined && `Basic ${basicCredentials(username, secret)}`
    return withHeaders(delivery, { authorization: basic || `Bearer ${secret}` })
  },
})

function tokensOf(header: string): string[] {
  if (header === '') return []
  const [, scheme = '', rest = ''] = /^(\w+) +(.*)$/.exec(header) ?? []
  if (/^bearer$/i.test(scheme)) return [header, rest]
  if (!/^basic$/i.test(scheme)) return [header]
  const pair = Buffer.from(rest, 'base64').toString('utf8')
  return [header, pair.slice(pair.indexOf(':') + 1)].filter((token) => token !== '')
}

/** The secret in `?secret=` of the URL, for a sender that cannot send it elsewhere. */
export const IN_URL: Scheme = {
  authenticity: 'URL',
  authenticate: ({ query }, secrets) =>
    compare(query.getAll('secret').slice(0, 1), secrets, {
      missing: 'the URL has no ?secret=',
      wrong: 'the URL has another secret',
    }),
  sign: (delivery, { secret }) => ({ ...delivery, query: new URLSearchParams({ secret }) }),
}

/** Returns the URL with the secret in its query. */
export const urlWithSecret = ({ url, secret }: Pick<SenderEndpoint, 'url' | 'secret'>): string =>
  `${url}?secret=${encodeURIComponent(secret)}`

const valuesOf = ({ headers }: Delivery, name: string): string[] => (headers[name] ? [headers[name]] : [])

/** Accepts the secret in a header of the sender. */
export const inHeader = (name: string): Scheme => ({
  authenticity: 'TOKEN',
  authenticate: (delivery, secrets) =>
    compare(valuesOf(delivery, name), secrets, {
      missing: `the header ${name} is missing`,
      wrong: `the header ${name} has another secret`,
    }),
  sign: (delivery, { secret }) => withHeaders(delivery, { [name]: secret }),
})

/** Accepts a header with an HMAC of the raw body: `prefix` and hexadecimal digits. */
export function signedIn(header: string, algorithm: 'sha1' | 'sha256', prefix = ''): Scheme {
  const signatureOf = (body: Uint8Array, secret: string): string =>
    prefix + createHmac(algorithm, secret).update(body).digest('hex')
  return {
    authenticity: 'SIGNATURE',
    authenticate: (delivery, secrets) =>
      compare(valuesOf(delivery, header), secrets, {
        expected: (secret) => signatureOf(delivery.body, secret),
        missing: `the signature header ${header} is missing`,
        wrong: `the signature in the header ${header} does not match`,
      }),
    sign: (delivery, { secret }) => withHeaders(delivery, { [header]: signatureOf(delivery.body, secret) }),
  }
}
