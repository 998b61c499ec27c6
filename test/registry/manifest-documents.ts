import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-types.ts'
import type { Content, Image } from '../fixtures/random-image.ts'
import type { Client } from './client.ts'

export const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json'

/** Returns a descriptor of the content. */
export const descriptor = (content: Content | undefined) => ({
  mediaType: content?.mediaType,
  digest: content?.digest,
  size: content?.bytes.length,
})

/** The manifest of an image as an object, with some fields replaced. */
export const imageDocument = (image: Image, more: object = {}) => ({
  schemaVersion: 2,
  mediaType: image.mediaType,
  config: descriptor(image.config),
  layers: image.layers.map(descriptor),
  ...more,
})

/** The bytes of an index of these descriptors. */
export const ociIndex = (manifests: readonly object[], more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more }))

/** Pushes the parts of an image, and not its manifest. */
export async function pushParts(client: Client, repository: string, image: Image): Promise<void> {
  for (const { bytes } of [image.config, ...image.layers]) await client.pushBlob(repository, bytes)
}

/** Pushes an empty config, and returns an artifact manifest of the given size, padded by an annotation. */
export async function artifact(
  client: Client,
  repository: string,
  { size, ...more }: { readonly size?: number; readonly [field: string]: unknown } = {},
): Promise<Buffer> {
  const config = { mediaType: EMPTY_CONFIG, digest: await client.pushBlob(repository, '{}'), size: 2 }
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: 'application/vnd.test',
    config,
    layers: [],
    ...more,
  }
  if (size === undefined) return Buffer.from(JSON.stringify(document))
  const bytes = (padding: string) => Buffer.from(JSON.stringify({ ...document, annotations: { padding } }))
  return bytes('x'.repeat(size - bytes('').length))
}
