import { isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseCreated, parseImageConfig } from '../../oci/image-config.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isArtifactIndex, type KindOfManifest, kindOf } from '../../oci/manifest-kind.ts'
import { formatPlatforms, platformsOfIndex } from '../../oci/platforms.ts'
import { type FetchedImage, type Image, isStored, type StoredManifest, type TransientImage } from './image.ts'

type StoredManifests = (digest: Digest) => StoredManifest | undefined

/** Returns an image of a dry run. Its id is negative, and no row has it. */
export function transientImage(fetched: FetchedImage, dockerImageReference: string): TransientImage {
  const { platforms: _, ...columns } = imageColumns(fetched, () => undefined)
  return { id: nextTransientId--, digest: fetched.digest, dockerImageReference, ...columns, fetched }
}
let nextTransientId = -Date.now()

const utf8 = new TextDecoder()

/** Returns the columns of an image from its manifest, config and children. */
export function imageColumns(image: FetchedImage, stored: StoredManifests) {
  const { manifest, config } = image
  const run =
    manifest.kind === 'image' && !manifest.artifact && config
      ? parseImageConfig(utf8.decode(config.bytes))
      : null
  const annotated = parseCreated(manifest.annotations['org.opencontainers.image.created'])?.getTime()
  const created = manifest.kind === 'index' ? newest(image.children.map(createdOf)) : run?.created?.getTime()
  const own = run?.platform
  const { os = null, architecture = null, variant = null } = own ?? {}
  const platforms = manifest.kind === 'index' ? platformsOfIndex(manifest) : formatPlatforms(own ? [own] : [])
  const createdAt = annotated ?? created ?? null
  const { mediaType } = manifest
  const size = sizeOf(image, stored)
  return { mediaType, size, createdAt, os, architecture, variant, platforms, ...kindOfImage(image) }
}

/** Returns whether the image is an image, an index or an artifact, and the type of the artifact. */
export function kindOfImage(image: FetchedImage | Image): KindOfManifest {
  if (isStored(image)) return { kind: image.kind, artifactType: image.artifactType }
  const children = new Map(image.children.map((child) => [child.digest, child]))
  return kindOf(image.manifest, {
    config: image.config?.bytes ?? null,
    kindOfChild: ({ digest }) => {
      const child = children.get(digest)
      return child && kindOfImage(child)
    },
  })
}

/** Returns the creation time in the image's annotation or config, in milliseconds since 1970; null without one. */
export const createdOf = (image: FetchedImage | Image): number | null =>
  isStored(image) ? image.createdAt : imageColumns(image, () => undefined).createdAt

function newest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.max(...known)
}

/** Returns the bytes that a pull of the whole image transfers, each blob once; null where a child is not stored. */
function sizeOf(image: FetchedImage, stored: StoredManifests): number | null {
  const content = new Map<Digest, number>([[image.digest, image.bytes.byteLength]])
  const children = new Map(image.children.map((child) => [child.digest, child]))
  // what did not come with the image may be stored for another namespace: its size is not for this one
  const manifestOf = (digest: Digest, isChild: boolean): Manifest | undefined => {
    const child = children.get(digest)
    if (child && !isStored(child)) return child.manifest
    return child || !isChild ? stored(digest)?.manifest : undefined
  }
  const add = (manifest: Manifest): boolean => {
    const parts = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]
    for (const part of parts) content.set(part.digest, part.size)
    if (manifest.kind === 'image') return true
    const isArtifact = isArtifactIndex(manifest)
    return manifest.manifests.every((descriptor) => {
      if (isArtifact || isAttachment(descriptor)) return true
      const known = manifestOf(descriptor.digest, manifest === image.manifest)
      return known !== undefined && add(known)
    })
  }
  return add(image.manifest) ? [...content.values()].reduce((sum, size) => sum + size, 0) : null
}
