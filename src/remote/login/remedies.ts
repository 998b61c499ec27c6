import { ForbiddenTargetError, ProxyError, TlsError, type TlsProblem } from '../../egress/errors.ts'

/**
 * What permits a refused connection or request, for its message. Flags are those of the server's settings, other names those of
 * mutations and their fields.
 */
export const REMEDIES = {
  address:
    '--private-networks permits addresses of private networks, and a server without --open-to-everybody those of its own machine',
  plain: 'insecure: true in importImage or configureRegistry permits plain HTTP',
  authority: 'ca in configureRegistry or --ca-file adds a trusted authority',
  certificate: 'insecure: true in importImage or configureRegistry permits any certificate',
  client: 'clientCertificate in configureRegistry provides one',
  proxy: 'proxy in configureRegistry changes the proxy and its login',
  api: 'apiUrl in configureRegistry must be an https URL',
  login: 'setRegistryCredential or --docker-config provides a login',
  otherLogin: 'setRegistryCredential or --docker-config provides another login',
  limit: 'a login, by setRegistryCredential or --docker-config, may have a higher limit',
  create: 'createRepository: true in mirrorImage creates it with the access key',
  cloudKey: 'setRegistryCredential changes the key',
} as const

type Remedy = keyof typeof REMEDIES

const OF_TLS: { readonly [Problem in TlsProblem]: Remedy } = {
  authority: 'authority',
  certificate: 'certificate',
  client: 'client',
  protocol: 'plain',
}

/** Returns the text with what removes the problem. */
export const withRemedy = (text: string, remedy: Remedy): string => `${text}; ${REMEDIES[remedy]}`

/** Returns the message of an error, with what removes the problem where a setting or a field does. */
export function explain(error: Error): string {
  const remedy = remedyOf(error)
  return remedy ? withRemedy(error.message, remedy) : error.message
}

function remedyOf(error: Error): Remedy | undefined {
  if (error instanceof ForbiddenTargetError) {
    return error.problem === 'url' ? undefined : error.problem
  }
  if (error instanceof TlsError) return OF_TLS[error.problem]
  return error instanceof ProxyError ? 'proxy' : undefined
}
