import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkCertificates } from '../../input/certificate.ts'
import { InvalidInputError } from '../../input/errors.ts'
import type { ClusterConnection } from './connection.ts'

/** Where Kubernetes puts the credential of a pod's service account. */
export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Where a pod finds its cluster. */
interface PodEnvironment {
  /** `KUBERNETES_SERVICE_HOST`; undefined outside of a cluster. */
  readonly host: string | undefined
  /** `KUBERNETES_SERVICE_PORT`; 443 if it is undefined. */
  readonly port: string | undefined
  /** SERVICE_ACCOUNT_FOLDER, except in tests. */
  readonly folder: string
}

/**
 * Returns the connection of this pod's service account to its own cluster. The token is read from its file for each request.
 * Rejects with InvalidInputError outside of a cluster, and if the pod has no service account.
 */
export async function serviceAccountConnection(environment: PodEnvironment): Promise<ClusterConnection> {
  const { host, port = '443', folder } = environment
  if (!host) throw problem('this server does not run in a cluster: supply a kubeconfig')
  const authority = await readFile(join(folder, 'ca.crt'), 'utf8').catch((cause: unknown) => {
    throw problem(
      'this pod has no service account (automountServiceAccountToken): supply a kubeconfig',
      cause,
    )
  })
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: checkCertificates(authority, 'ca.crt'),
    insecure: false,
    credential: { kind: 'TOKEN_FILE', path: join(folder, 'token') },
    client: null,
    proxy: null,
  }
}

const problem = (message: string, cause?: unknown): InvalidInputError =>
  new InvalidInputError('serviceAccount', message, { cause })
