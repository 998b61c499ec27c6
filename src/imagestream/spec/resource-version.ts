import { ConflictError } from '../../input/errors.ts'
import type { ImageStream } from './spec.ts'

/** The stream that is written, and the version of it that the writer has read; null where it asks for none. */
export interface ReadVersion {
  readonly namespace: string
  readonly name: string
  readonly resourceVersion?: string | null | undefined
}

/** Throws ConflictError where somebody wrote the stream, made it or deleted it since the writer read it. */
export function checkResourceVersion(
  { namespace, name, resourceVersion }: ReadVersion,
  stream: Pick<ImageStream, 'resourceVersion'> | undefined,
): void {
  if (resourceVersion == null || resourceVersion === String(stream?.resourceVersion)) return
  const stands = stream ? `is at resourceVersion ${stream.resourceVersion}` : 'does not exist'
  throw new ConflictError(`${namespace}/${name} ${stands}, not ${resourceVersion}: read it again`)
}
