export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

/** Supported manifest types, indexes first: without an index type a registry may respond with one child. */
export const MANIFEST_ACCEPT = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST].join(', ')

export const INDEX_TYPES = [OCI_INDEX, DOCKER_LIST] as const
export const isIndexType = (mediaType: string): boolean =>
  mediaType === OCI_INDEX || mediaType === DOCKER_LIST
export const isSchema1Type = (mediaType: string): boolean =>
  mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED
/** Types that old versions of Docker and registries gave to configs of images. Source: moby, distribution, ImageTypes. */
const OLD_CONFIG_TYPES: readonly string[] = ['application/octet-stream', 'application/json', 'text/html']
/** Reports whether a config of this type is that of a container image, with platform, environment and labels. */
export const isImageConfigType = (mediaType: string): boolean =>
  mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG || OLD_CONFIG_TYPES.includes(mediaType)
const SIGNED_CONTENT =
  /^application\/vnd\.(?:dev\.cosign|dev\.sigstore|dsse\.envelope)\.|^(?:application|text)\/(?:vnd\.|x-)?(?:spdx|cyclonedx|syft)\b/
/**
 * Reports whether a layer of this type is a signature, an attestation or an SBOM of cosign, which has the config of an image.
 * Source: cosign, SIGNATURE_SPEC.md, ATTESTATION_SPEC.md, SBOM_SPEC.md.
 */
export const isCosignType = (mediaType: string): boolean => SIGNED_CONTENT.test(essenceOf(mediaType))
/** Config of the cache of a build by BuildKit; also an entry of the index in which older versions store it. */
export const BUILDKIT_CACHE = 'application/vnd.buildkit.cacheconfig.v0'

/**
 * Reports whether layers of this type may not be redistributed, and so may be absent from the registry.
 * Source: OCI image-spec, layer.md, non-distributable layers; Docker's foreign layers.
 */
export const isNonDistributableType = (mediaType: string): boolean =>
  mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
  mediaType === 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'

/** Returns `type/subtype` in lower case, without parameters. */
export const essenceOf = (contentType: string): string =>
  (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
