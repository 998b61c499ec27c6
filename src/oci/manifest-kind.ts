import { type Descriptor, isAttachment } from './descriptor.ts'
import { isObject, parseJson } from './json.ts'
import type { ImageIndex, ImageManifest, Manifest } from './manifest.ts'
import { BUILDKIT_CACHE, isImageConfigType } from './media-types.ts'

/** What a manifest is: a container image, an index of images, or an artifact, such as a chart, a signature or a build cache. */
export type ManifestKind = 'IMAGE' | 'INDEX' | 'ARTIFACT'

/** The kind of a manifest. */
export interface KindOfManifest {
  readonly kind: ManifestKind
  /** Type of an artifact; null for others, and for an artifact that declares none. */
  readonly artifactType: string | null
}

const IMAGE: KindOfManifest = { kind: 'IMAGE', artifactType: null }
const INDEX: KindOfManifest = { kind: 'INDEX', artifactType: null }
const artifactOf = (artifactType: string | null): KindOfManifest => ({ kind: 'ARTIFACT', artifactType })

/** Parts of a manifest that are elsewhere. */
export interface RelatedContent {
  /** Exact bytes of the config; null where it was not read. */
  readonly config: Uint8Array | null
  /** Returns the kind of a child of an index; undefined where it is not known. */
  readonly kindOfChild: (child: Descriptor) => KindOfManifest | undefined
}

/**
 * Returns the kind of a manifest: its `artifactType` makes it an artifact, and so does a config that is not that of an image.
 * Source: OCI image-spec 1.1, manifest.md, guidelines for artifact usage.
 */
export const kindOf = (manifest: Manifest, related: RelatedContent): KindOfManifest =>
  manifest.kind === 'image'
    ? kindOfImage(manifest, related.config)
    : kindOfIndex(manifest, related.kindOfChild)

function kindOfImage(manifest: ImageManifest, config: Uint8Array | null): KindOfManifest {
  if (manifest.artifact) return artifactOf(typeOfArtifact(manifest))
  return config && isKanikoCache(config) ? artifactOf(null) : IMAGE
}

const typeOfArtifact = ({ artifactType, config, layers }: ImageManifest): string | null => {
  if (artifactType !== null) return artifactType
  const type = isImageConfigType(config.mediaType) ? layers[0]?.mediaType : config.mediaType
  return type || null
}

/**
 * Reports whether it is the config of a layer that kaniko caches: without a platform, and with kaniko as its only author.
 * Source: kaniko, pkg/executor/push.go, pushLayerToCache.
 */
function isKanikoCache(config: Uint8Array): boolean {
  const json = parseJson(config)
  if (!isObject(json) || json.os || json.architecture || !Array.isArray(json.history)) return false
  return json.history.length > 0 && json.history.every((step) => isObject(step) && step.author === 'kaniko')
}

/** Reports whether an index is an artifact according to its own text. */
export const isArtifactIndex = (index: ImageIndex): boolean =>
  kindOfIndex(index, () => undefined).kind === 'ARTIFACT'

function kindOfIndex(
  { artifactType, manifests }: ImageIndex,
  kindOfChild: RelatedContent['kindOfChild'],
): KindOfManifest {
  if (artifactType !== null) return artifactOf(artifactType)
  if (manifests.some(({ mediaType }) => mediaType === BUILDKIT_CACHE)) return artifactOf(BUILDKIT_CACHE)
  if (manifests.length === 0) return INDEX
  const types = manifests.map((child) =>
    isAttachment(child) ? { kind: 'ARTIFACT', artifactType: child.artifactType ?? null } : kindOfChild(child),
  )
  if (types.some((type) => type?.kind !== 'ARTIFACT')) return INDEX
  const [first = null, ...others] = new Set(types.map((type) => type?.artifactType ?? null))
  return artifactOf(others.length === 0 ? first : null)
}
