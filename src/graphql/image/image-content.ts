import type { Image } from '../../imagestream/image/image.ts'
import { type ImageConfig, parseImageConfig } from '../../oci/image-config.ts'
import { type Manifest, readManifest } from '../../oci/manifest.ts'
import { batchValues, loadById, loadPaid, loadReferred } from '../kit/batch.ts'
import type { GraphQLContext } from '../kit/context.ts'
import type { AnyImage } from '../kit/references.ts'

/** Returns the image of an event, push or result, loaded for the owner's batch. */
export function imageOf<Owner extends { readonly imageId: number | null }>(
  owner: Owner,
  { images }: GraphQLContext,
): Image {
  const found = loadReferred(owner, 'image', 'imageId', (ids) => batchValues(images.byIds(ids)))
  if (!found) throw new Error(`image ${owner.imageId} does not exist, but an object refers to it`)
  return found
}

/** Returns the whole image of a summary, loaded for the summary's batch. */
export const wholeOf = (image: AnyImage, { images }: GraphQLContext): Image => {
  if ('mediaType' in image) return image
  const whole = loadById(image, 'whole', (ids) => images.byIds(ids))
  if (!whole) throw new Error(`image ${image.id} does not exist, but an object refers to it`)
  return whole
}

/** Returns the newest pull spec of the image that the viewer sees, loaded for the image's batch. */
export function pullSpecOf(image: AnyImage, context: GraphQLContext): string {
  const { viewer, images, registry } = context
  const { dockerImageReference, digest } = wholeOf(image, context)
  if (viewer.rights.scopes.length === 0 || 'fetched' in image) return dockerImageReference
  const place = loadById(image, 'place', (ids) => images.places(viewer, ids))
  const found = place?.pullSpec?.replace(/@.*$/, '') ?? `${registry.host()}/${place?.repository}`
  return `${found}@${digest}`
}

/** Returns the exact bytes of the image's manifest, loaded for a part of the image's batch. */
export const bytesOf = (image: AnyImage, { images, work }: GraphQLContext): Uint8Array => {
  if ('fetched' in image) return image.fetched.bytes
  const read = { name: 'bytes', sizes: images.manifestSizes, read: images.manifests }
  const bytes = loadPaid(work, image, read)
  if (!bytes) throw new Error(`image ${image.id} has no manifest`)
  return bytes
}

/** Returns the parsed manifest, which is stored or part of the dry run. */
export const manifestOf = (image: AnyImage, context: GraphQLContext): Manifest =>
  'fetched' in image
    ? image.fetched.manifest
    : readManifest(bytesOf(image, context), wholeOf(image, context).mediaType)

/** Returns the manifests that an index lists; empty for a single image. */
export const childrenOf = (index: AnyImage, context: GraphQLContext) => {
  const manifest = manifestOf(index, context)
  return manifest.kind === 'image' ? [] : manifest.manifests.map((descriptor) => ({ descriptor, index }))
}

/** Returns the config; null for an index and for an artifact that is not a container image. */
export const configOf = (image: AnyImage, { images, work }: GraphQLContext): ImageConfig | null => {
  const read = { name: 'config', sizes: images.configSizes, read: images.configs }
  const bytes = 'fetched' in image ? image.fetched.config?.bytes : loadPaid(work, image, read)
  return bytes ? parseImageConfig(new TextDecoder().decode(bytes)) : null
}
