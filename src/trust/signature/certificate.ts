import { X509Certificate } from 'node:crypto'

/** Certificates of one chain. */
export const MAX_CHAIN = 8
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
/** For servers, mail, time stamps, OCSP, anything: a key for one of those signs no code. */
const OTHER_PURPOSES = [
  '1.3.6.1.5.5.7.3.1',
  '1.3.6.1.5.5.7.3.4',
  '1.3.6.1.5.5.7.3.8',
  '1.3.6.1.5.5.7.3.9',
  '2.5.29.37.0',
]

/** Undefined for bytes or PEM text of none. */
export function readCertificate(source: Buffer | string): X509Certificate | undefined {
  try {
    return new X509Certificate(source)
  } catch {
    return undefined
  }
}

/** What is wrong with a chain, from the one who signed to its root; undefined when nothing is. */
export function flawOfChain(chain: readonly X509Certificate[]): string | undefined {
  const [leaf, ...authorities] = chain
  if (!leaf) return 'there is none'
  if (leaf.ca) return 'the first is an authority’s, and signs no images'
  // Node.js calls the purposes of an extended key usage so
  const purposes = leaf.keyUsage as readonly string[] | undefined
  if (
    purposes &&
    (!purposes.includes(CODE_SIGNING) || purposes.some((one) => OTHER_PURPOSES.includes(one)))
  ) {
    return 'the first is not for signing code'
  }
  if (!authorities.every(({ ca }) => ca)) return 'an issuer in it is no authority'
  for (const [at, certificate] of chain.entries()) {
    // the last is its own issuer: a chain is whole, or its end could be anybody's
    const issuer = chain[at + 1] ?? certificate
    if (!isIssuedBy(certificate, issuer)) return 'one is not issued by the next'
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

/** From when to when all of a chain are valid. Milliseconds since 1970. */
export const validityOf = (chain: readonly X509Certificate[]): { from: number; until: number } => ({
  from: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
  until: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
})

/** The attributes of its subject: `O` to one or more values. */
export const subjectOf = (certificate: X509Certificate): ReadonlyMap<string, readonly string[]> =>
  new Map(
    Object.entries(certificate.toLegacyObject().subject).map(([name, value]) => [name, [value ?? []].flat()]),
  )
