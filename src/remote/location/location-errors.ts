import { formatRepository, type Reference } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { RepositoryLocation } from './registry-rules.ts'

type RepositoryName = Pick<Reference, 'registry' | 'repository'>

/** A location that did not return the content, and why. */
export interface FailedLocation {
  readonly location: RepositoryLocation
  readonly error: RegistryError
}

/** Returns the error for a repository that a rule blocks. */
export const blockedError = ({ registry, repository }: RepositoryName, blockedBy: string): RegistryError => {
  const name = repository === '' ? registry : `${registry}/${repository}`
  return new RegistryError(`no request was sent to ${name}: ${blockedBy}`, {
    reason: 'Blocked',
    registry,
    repository,
  })
}

/** Returns the error for a location whose configuration cannot be applied. */
export const unusableLocationError = (
  { registry, repository }: RepositoryLocation,
  problem: string,
): RegistryError =>
  new RegistryError(`no request was sent to ${registry}/${repository}: ${problem}`, {
    reason: 'InternalError',
    registry,
    repository,
  })

/** Returns the error for a missing tag. */
export const missingTagError = ({ registry, repository }: RepositoryLocation, tag: string): RegistryError =>
  new RegistryError(`${registry} does not have the tag "${tag}" of ${repository}`, {
    reason: 'NotFound',
    registry,
    repository,
  })

/** Returns the error for bytes that do not have the requested digest. */
export const wrongDigestError = (location: RepositoryLocation, digest: string): RegistryError =>
  new RegistryError(`${formatRepository(location)} sent bytes that do not have the digest ${digest}`, {
    reason: 'InvalidManifest',
    ...location,
  })

/** Returns the origin's error, with the failed mirrors in its message. */
export function combinedError(reference: RepositoryName, failures: readonly FailedLocation[]): RegistryError {
  const origin = failures.find(({ location }) => !location.isMirror)
  if (!origin) throw new Error('a plan without an origin')
  const { location, error } = origin
  const mirrors = failures.filter((one) => one !== origin)
  const notes = [
    ...(location.isNamed
      ? []
      : [`${formatRepository(reference)} is read from ${formatRepository(location)}`]),
    ...(mirrors.length === 0 ? [] : [`its mirrors failed too: ${mirrors.map(summaryOf).join(', ')}`]),
  ]
  if (notes.length === 0) return error
  const { reason, registry, repository, status, cause } = error
  return new RegistryError(`${error.message} (${notes.join('; ')})`, {
    ...{ reason, registry, cause },
    ...(repository !== undefined && { repository }),
    ...(status !== undefined && { status }),
  })
}

const summaryOf = ({ location, error }: FailedLocation): string =>
  `${formatRepository(location)} (${error.reason})`
