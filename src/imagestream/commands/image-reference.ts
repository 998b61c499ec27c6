import type { Viewer } from '../../access/right/viewer.ts'
import { NotFoundError } from '../../input/errors.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { requireSource } from '../spec/source-rights.ts'
import { flag, type ObjectReferenceInput } from '../spec/spec.ts'
import { registrySource, streamSource } from '../spec/tag-source.ts'
import type { Following } from '../stream/follow.ts'

/**
 * Returns where the image of a source is now: the reference of a registry's image, or the pull spec of the image that a
 * tag or a digest of a stream points to. `home` is the stream whose tag gets the image. Throws InvalidInputError with a field
 * below `from`; NotFoundError where a stream has no such image; ConflictError for a digest that matches several.
 */
export type ImageReferences = (viewer: Viewer, home: StreamName, from: ObjectReferenceInput) => Reference

export const createImageReferences =
  ({ following }: { readonly following: Pick<Following, 'sourceImage'> }): ImageReferences =>
  (viewer, home, from) => {
    if (from.kind === 'DockerImage') return registrySource(from, 'from')
    const named = streamSource(from, 'from')
    const fromNamespace = named.namespace ?? home.namespace
    const source = { fromKind: from.kind, fromName: named.name, fromNamespace, reference: flag(false) }
    requireSource(viewer, home, source)
    const image = following.sourceImage(home, source)
    if (image) return parseReference(image.dockerImageReference)
    throw new NotFoundError(`${fromNamespace}/${named.name} has no image to copy`)
  }
