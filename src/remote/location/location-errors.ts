import { formatRepository } from '../../oci/reference.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { RepositoryLocation, RepositoryName } from './registry-rules.ts'

/** A location that did not return the content, and why. */
export interface FailedLocation {
  readonly location: RepositoryLocation
  readonly error: RegistryError
}

const errorAt = (
  { registry, repository }: RepositoryName,
  reason: RegistryErrorReason,
  message: string,
): RegistryError => new RegistryError(message, { reason, registry, repository })

/** Returns the error for a repository that a rule blocks; for the registry itself when its name is empty. */
export function blockedError(reference: RepositoryName, blockedBy: string): RegistryError {
  const name = reference.repository === '' ? reference.registry : formatRepository(reference)
  return errorAt(reference, 'Blocked', `no request was sent to ${name}: ${blockedBy}`)
}

/** Returns the error for a location whose configuration cannot be applied. */
export const unusableLocationError = (location: RepositoryLocation, problem: string): RegistryError =>
  errorAt(location, 'InternalError', `no request was sent to ${formatRepository(location)}: ${problem}`)

/** Returns the error for a missing tag. */
export const missingTagError = (location: RepositoryLocation, tag: string): RegistryError =>
  errorAt(
    location,
    'NotFound',
    `${location.registry} does not have the tag "${tag}" of ${location.repository}`,
  )

/** Returns the error for bytes that do not have the requested digest. */
export const wrongDigestError = (location: RepositoryLocation, digest: string): RegistryError =>
  errorAt(
    location,
    'InvalidManifest',
    `${formatRepository(location)} sent bytes that do not have the digest ${digest}`,
  )

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
    reason,
    registry,
    cause,
    ...(repository !== undefined && { repository }),
    ...(status !== undefined && { status }),
  })
}

const summaryOf = ({ location, error }: FailedLocation): string =>
  `${formatRepository(location)} (${error.reason})`
