import { X509Certificate } from 'node:crypto'
import { invalid } from '../../input/errors.ts'

/** Most certificates in one chain. */
export const MAX_CHAIN = 8
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
/** Servers, mail, time stamps, OCSP, any: a certificate for one of them must not sign code. */
const OTHER_PURPOSES = [
  '1.3.6.1.5.5.7.3.1',
  '1.3.6.1.5.5.7.3.4',
  '1.3.6.1.5.5.7.3.8',
  '1.3.6.1.5.5.7.3.9',
  '2.5.29.37.0',
]

/** Parses DER bytes or PEM text; undefined when it is not a certificate. */
export function readCertificate(source: Buffer | string): X509Certificate | undefined {
  try {
    return new X509Certificate(source)
  } catch {
    return undefined
  }
}

/** Returns what is wrong with a chain from the signer to its root; undefined for a valid chain. */
export function flawOfChain(chain: readonly X509Certificate[]): string | undefined {
  const [leaf, ...authorities] = chain
  if (!leaf) return 'it is empty'
  if (leaf.ca) return 'the first certificate is that of an authority, which must not sign images'
  // the extended key usage
  const purposes = leaf.keyUsage as readonly string[] | undefined
  if (
    purposes &&
    (!purposes.includes(CODE_SIGNING) || purposes.some((one) => OTHER_PURPOSES.includes(one)))
  ) {
    return 'the first certificate is not for code signing'
  }
  if (!authorities.every(({ ca }) => ca)) return 'an issuer in it is not an authority'
  for (const [at, certificate] of chain.entries()) {
    // the last must have issued itself: an incomplete chain could end at any authority
    const issuer = chain[at + 1] ?? certificate
    if (!isIssuedBy(certificate, issuer)) return 'a certificate was not issued by the next'
  }
  return undefined
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    const names =
      certificate === issuer ? certificate.subject === certificate.issuer : certificate.checkIssued(issuer)
    return names && certificate.verify(issuer.publicKey)
  } catch {
    return false
  }
}

/** Returns the time in which all certificates of a chain are valid. Milliseconds since 1970. */
export const validityOf = (chain: readonly X509Certificate[]): { from: number; until: number } => ({
  from: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
  until: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
})

/** Returns the attributes of the subject: `O` to one or more values. */
export const subjectOf = (certificate: X509Certificate): ReadonlyMap<string, readonly string[]> =>
  new Map(
    Object.entries(certificate.toLegacyObject().subject).map(([name, value]) => [name, [value ?? []].flat()]),
  )

const PREFIX = 'x509.subject:'
const MAX_LENGTH = 1000

/** Throws InvalidInputError unless the text is `*` or lists attributes of a certificate's subject. */
export function checkTrustedIdentity(text: string, field: string): void {
  if (text === '*') return
  const attributes = text.length > MAX_LENGTH ? [] : attributesOf(text)
  const isGood =
    text.startsWith(PREFIX) &&
    attributes.length > 0 &&
    attributes.every(([name, value]) => /^[A-Za-z][A-Za-z0-9]*$/.test(name) && value !== '') &&
    new Set(attributes.map(([name]) => name)).size === attributes.length
  if (isGood) return
  throw invalid(
    field,
    'must be "*", or "x509.subject: C=US, O=Acme, CN=builder" with each attribute once, "," in a value as "\\,"',
  )
}

/** Reports whether the subject has all attributes of the identity; it may have more. Source: Notary Project, trust policy. */
export function isTrustedIdentity(
  identity: string,
  subject: ReadonlyMap<string, readonly string[]>,
): boolean {
  if (identity === '*') return true
  return attributesOf(identity).every(([name, value]) => {
    const values = subject.get(name) ?? []
    return values.length === 1 && values[0] === value
  })
}

const attributesOf = (identity: string): readonly (readonly [name: string, value: string])[] =>
  identity
    .slice(PREFIX.length)
    .split(/(?<!\\),/)
    .map((part) => {
      const text = part.trim()
      const equals = text.indexOf('=')
      const value = text.slice(equals + 1).replace(/\\(.)/g, '$1')
      return [text.slice(0, Math.max(equals, 0)).trim(), value.trim()]
    })
