import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { InvalidInputError, invalid } from './errors.ts'

/** Fields of a certificate. */
export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validUntil: number
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` writes it. */
  readonly fingerprint: string
}

/** A certificate with the chain below it, and its private key: PEM. */
interface CertificateWithKey {
  readonly certificate: string
  readonly key: string
}

/** Characters, about forty certificates: up to a thousand configurations are held in memory. */
const MAX_CERTIFICATES_LENGTH = 64 * 1024
const MAX_KEY_LENGTH = 32 * 1024
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/

// messages never repeat the input: it may be a private key in the wrong field

/** Returns the certificates in a PEM text, without other text around them. Throws InvalidInputError. */
export function checkCertificates(pem: string, field: string): string {
  if (pem.length > MAX_CERTIFICATES_LENGTH) {
    throw invalid(field, `must have at most ${MAX_CERTIFICATES_LENGTH} characters`)
  }
  if (KEY.test(pem)) throw invalid(field, 'contains a private key: leave it out')
  const blocks = pem.match(CERTIFICATE) ?? []
  if (blocks.length === 0) {
    throw invalid(
      field,
      'must be one or more certificates in PEM: text that begins with -----BEGIN CERTIFICATE-----',
    )
  }
  for (const [at, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch (cause) {
      const message = `certificate ${at + 1} of ${field} cannot be read as a certificate`
      throw new InvalidInputError(field, message, { cause })
    }
  }
  return blocks.join('\n')
}

/** Returns a client certificate with its chain, and its key as PKCS#8. Throws InvalidInputError. */
export function checkClientCertificate(
  { certificate, key }: CertificateWithKey,
  { field, now }: { readonly field: string; readonly now: number },
): CertificateWithKey {
  const chain = checkCertificates(certificate, `${field}.certificate`)
  const own = new X509Certificate(chain)
  if (Date.parse(own.validTo) < now) {
    throw new InvalidInputError(
      `${field}.certificate`,
      `the certificate of ${subjectOf(own)} expired on ${new Date(own.validTo).toISOString()}`,
    )
  }
  const parsed = parseKey(key, `${field}.key`)
  if (!own.checkPrivateKey(parsed)) {
    throw new InvalidInputError(
      `${field}.key`,
      `the key does not belong to the first certificate, of ${subjectOf(own)}`,
    )
  }
  return { certificate: chain, key: parsed.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Returns the fields of each certificate in a checked PEM text. */
export const certificatesOf = (pem: string): CertificateFacts[] =>
  (pem.match(CERTIFICATE) ?? []).map((block) => {
    const certificate = new X509Certificate(block)
    return {
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      validFrom: Date.parse(certificate.validFrom),
      validUntil: Date.parse(certificate.validTo),
      fingerprint: certificate.fingerprint256,
    }
  })

function parseKey(key: string, field: string): KeyObject {
  if (key.length > MAX_KEY_LENGTH) throw invalid(field, `must have at most ${MAX_KEY_LENGTH} characters`)
  if (/ENCRYPTED/.test(key)) throw invalid(field, 'must not be encrypted: the server encrypts it for storage')
  if (!KEY.test(key)) {
    throw invalid(field, 'must be a private key in PEM: text that begins with -----BEGIN PRIVATE KEY-----')
  }
  try {
    return createPrivateKey(key)
  } catch {
    // no cause: the parser's message may quote the key
    throw invalid(field, 'cannot be read as a private key in PEM')
  }
}

const oneLine = (name: string | undefined): string => (name ?? '').replaceAll('\n', ', ')

const subjectOf = ({ subject }: X509Certificate): string => oneLine(subject) || 'an empty subject'
