import type { ImageStream } from './spec.ts'

/** The registry that this server provides. */
export interface OwnRegistry {
  /** False where an external registry replaces the integrated one. */
  readonly isIntegrated: boolean
  /** `host[:port]` under which clients reach it. */
  readonly host: () => string
}

/**
 * Returns the repository that a stream's images can be pulled from. The integrated registry pulls imported images
 * through; an external registry has only the images that were pushed to it.
 */
export const pullRepositoryOf = (
  {
    namespace,
    name,
    dockerImageRepository,
  }: Pick<ImageStream, 'namespace' | 'name' | 'dockerImageRepository'>,
  { isIntegrated, host }: OwnRegistry,
): string => (isIntegrated ? null : dockerImageRepository) ?? `${host()}/${namespace}/${name}`
