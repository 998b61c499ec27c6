import type { Secret } from '../../logins/registry-login.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { type CloudExchangeTarget, CloudLoginError } from './cloud-token-endpoint.ts'
import { withRemedy } from './remedies.ts'

/** A repository to which content is pushed. */
export interface PushDestination extends CloudExchangeTarget {
  readonly repository: string
  /** Null for anonymous access. */
  readonly secret: Secret | null
}

/** How a repository is created before the first push to it. */
export interface RepositoryCreation {
  /** The vendor's command, for messages. */
  readonly command: string
  /** Creates it; null where the secret cannot. Throws CloudLoginError. */
  readonly create: (() => Promise<void>) | null
}

/** Returns how a vendor's registry creates a repository; null for a registry that creates it by a push, or of another vendor. */
export type RepositoryCreator = (destination: PushDestination) => RepositoryCreation | null

/**
 * Creates the repository that a push did not find. Throws RegistryError: the error of the push, with the command that creates
 * the repository, where it may not or cannot be created.
 */
export async function createRepository(
  creators: readonly RepositoryCreator[],
  destination: PushDestination,
  { error, isAllowed }: { readonly error: RegistryError; readonly isAllowed: boolean },
): Promise<void> {
  const { registry, repository } = destination
  const creation = creators.map((creator) => creator(destination)).find((one) => one !== null)
  if (!creation) throw error
  if (!isAllowed || !creation.create) {
    const { message, reason, status = 404 } = error
    const described = creation.create ? withRemedy(message, 'create') : message
    const command = `${described}; \`${creation.command}\` creates it`
    throw new RegistryError(command, { reason, registry, repository, status, cause: error })
  }
  await creation.create().catch((cause: unknown) => {
    if (!(cause instanceof CloudLoginError)) throw cause
    const { reason, status, message } = cause
    throw new RegistryError(`cannot create ${registry}/${repository}: ${message}`, {
      reason,
      registry,
      repository,
      ...(status !== undefined && { status }),
      cause,
    })
  })
}
