import type { Digest } from '../../oci/digest.ts'
import type { SpecTag } from './spec.ts'

/**
 * Returns the pull spec of a tag's image for clients: with the reference policy `Local` the integrated registry's, by
 * digest. `localRepository` is null where the integrated registry does not serve the stream.
 */
export const pullSpecOf = (
  image: { readonly digest: Digest; readonly dockerImageReference: string },
  policy: SpecTag['referencePolicy'] | undefined,
  localRepository: string | null,
): string =>
  policy === 'Local' && localRepository !== null
    ? `${localRepository}@${image.digest}`
    : image.dockerImageReference
