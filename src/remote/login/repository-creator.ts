import type { Secret } from '../../logins/registry-login.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { type CloudExchangeTarget, CloudLoginError } from './cloud-token-endpoint.ts'

/** Creation of repositories at the registries of a vendor that requires it before the first push. */
export interface RepositoryCreator {
  /** Reports whether the registry is one of the vendor's. */
  readonly serves: (registry: string) => boolean
  /** Returns the command of the vendor that creates the repository, for messages. */
  readonly commandFor: (registry: string, repository: string) => string
  /** Creates the repository. Returns false for a secret that cannot. Throws CloudLoginError. */
  readonly create: (secret: Secret, repository: string, target: CloudExchangeTarget) => Promise<boolean>
}

/** A push that failed because the repository is missing. */
export interface MissingRepository extends CloudExchangeTarget {
  readonly repository: string
  readonly error: RegistryError
  /** Null for anonymous access. */
  readonly secret: Secret | null
  /** Whether it may be created. */
  readonly isCreated: boolean
}

/** Creates the repository. Throws RegistryError, with the command that creates it, where it may not or cannot be created. */
export async function createRepository(
  creators: readonly RepositoryCreator[],
  { registry, repository, endpoint, error, secret, isCreated }: MissingRepository,
): Promise<void> {
  const creator = creators.find(({ serves }) => serves(registry))
  if (!creator) throw error
  try {
    if (isCreated && secret && (await creator.create(secret, repository, { registry, endpoint }))) return
  } catch (cause) {
    if (!(cause instanceof CloudLoginError)) throw cause
    const { reason, status, message } = cause
    throw new RegistryError(`cannot create ${registry}/${repository}: ${message}`, {
      reason,
      registry,
      repository,
      ...(status !== undefined && { status }),
      cause,
    })
  }
  const { message, reason, status = 404 } = error
  const remedy = `${message}; \`${creator.commandFor(registry, repository)}\` creates it`
  throw new RegistryError(remedy, { reason, registry, repository, status, cause: error })
}
