import { ConflictError } from '../../input/errors.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { ImageStream } from './spec.ts'

/** A stream to write, and the version of it that the client read; null or undefined accepts any version. */
export interface ReadVersion extends StreamName {
  readonly resourceVersion?: string | null | undefined
}

/** Returns the newest version for the message of an error: `is at resourceVersion 3`, `does not exist`. */
export const newestVersion = (stream: Pick<ImageStream, 'resourceVersion'> | undefined): string =>
  stream ? `is at resourceVersion ${stream.resourceVersion}` : 'does not exist'

/** Throws ConflictError where the stream was created, written or deleted since the client read it. */
export function checkResourceVersion(
  { namespace, name, resourceVersion }: ReadVersion,
  stream: Pick<ImageStream, 'resourceVersion'> | undefined,
): void {
  if (resourceVersion == null || resourceVersion === String(stream?.resourceVersion)) return
  throw new ConflictError(
    `${namespace}/${name} ${newestVersion(stream)}, not ${resourceVersion}: read it again`,
  )
}
