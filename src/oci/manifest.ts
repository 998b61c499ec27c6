import {
  controlCharacterIn,
  hasControlCharacter,
  hasNul,
  mayHaveControlCharacter,
} from './control-characters.ts'
import { type Descriptor, parseDescriptor, parseStringMap } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { isObject, isTooDeep, type Json, MAX_DEPTH, measureJson } from './json.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  essenceOf,
  isCosignType,
  isImageConfigType,
  isIndexType,
  isSchema1Type,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-types.ts'
import type { StreamName } from './stream-name.ts'
import type { TagName } from './tag.ts'

interface ManifestFields {
  readonly mediaType: string
  /** Type of its content if declared. */
  readonly artifactType: string | null
  /** The manifest to which it refers, for example the image of a signature. */
  readonly subject: Descriptor | null
  readonly annotations: Readonly<Record<string, string>>
}

/** A manifest of one image (or artifact). Source: OCI image-spec, manifest.md; Docker image manifest v2 schema 2. */
export interface ImageManifest extends ManifestFields {
  readonly kind: 'image'
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  /** True when it contains something other than a container image (a signature, a chart): its config has no platform. */
  readonly artifact: boolean
}

/** A list of manifests, one for each platform. Source: OCI image-spec, image-index.md; Docker manifest list. */
export interface ImageIndex extends ManifestFields {
  readonly kind: 'index'
  readonly manifests: readonly Descriptor[]
}

/** A parsed manifest. */
export type Manifest = ImageManifest | ImageIndex

/** A manifest that a client pushed to a repository of the integrated registry, which has all its parts. */
export interface PushedManifest {
  readonly repository: StreamName
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** Exact bytes of the config of a container image; null for an index or artifact. */
  readonly config: Uint8Array | null
  /** Tags that point to this image from now on; none for a push by digest, which stores the image only. */
  readonly tags: readonly TagName[]
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Content that a client deletes from a repository of the integrated registry. */
export interface Deletion {
  readonly action: 'deleteManifest' | 'deleteBlob'
  readonly repository: StreamName
  /** A tag or a digest, as in the request. */
  readonly reference: string
}

/** The bytes are not a valid manifest; the message says what is wrong. */
export class InvalidManifestError extends Error {
  override readonly name = 'InvalidManifestError'
  readonly code = 'INVALID_MANIFEST'
}

/** Maximum size in bytes: what every registry must accept. */
export const MAX_MANIFEST_SIZE = 4 * 1024 * 1024
/** Maximum number of commas and opening brackets: to parse more takes too long, and no image has a tenth of them. */
export const MAX_MANIFEST_ITEMS = 65_536
/** Maximum size of an image's config, in bytes. */
export const MAX_CONFIG_SIZE = 8 * 1024 * 1024
/** Maximum number of manifests in one index. */
export const MAX_INDEX_CHILDREN = 1000
/** Maximum number of levels of nested indexes, the outermost included. */
export const MAX_INDEX_DEPTH = 3

/** Throws InvalidManifestError for an image's config that is nested too deep, or has a NUL, which no environment, command or label can have. */
export function checkConfig(bytes: Uint8Array): void {
  if (isTooDeep(bytes)) refuse(`its config is ${tooDeep}`)
  if (hasNul(new TextDecoder().decode(bytes))) refuse('its config has a text with NUL (U+0000)')
}

const refuse = (why: string): never => {
  throw new InvalidManifestError(why)
}

const tooDeep = `nested more than ${MAX_DEPTH} levels deep`

/** Limits the time to parse a manifest, without parsing it. Throws InvalidManifestError. */
function checkMeasure(bytes: Uint8Array): void {
  const { depth, items } = measureJson(bytes)
  if (depth > MAX_DEPTH) refuse(`it is ${tooDeep}`)
  if (items > MAX_MANIFEST_ITEMS) refuse(`it has more than ${MAX_MANIFEST_ITEMS} values`)
}

const parseObject = (bytes: Uint8Array): Json => {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    const looksLikeHtml = /^\s*</.test(new TextDecoder().decode(bytes.subarray(0, 64)))
    return refuse(looksLikeHtml ? 'it is a web page, not a manifest' : 'it is not JSON, or was cut off')
  }
  return isObject(value) ? value : refuse('it is not a JSON object')
}

const descriptorsOf = (value: unknown, field: string): readonly Descriptor[] => {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return refuse(`"${field}" is not a list`)
  return value.map(
    (item, at) => parseDescriptor(item) ?? refuse(`"${field}[${at}]" has no valid digest and size`),
  )
}

/**
 * Parses a manifest that arrives from a registry or a client. Throws InvalidManifestError, also for too many levels or
 * values, and for control characters in any of its texts, except tabs and line breaks.
 */
export function parseManifest(bytes: Uint8Array, contentType = ''): Manifest {
  checkMeasure(bytes)
  const json = parseObject(bytes)
  const manifest = manifestOf(json, contentType)
  const { mediaType, artifactType } = manifest
  for (const type of [mediaType, artifactType ?? '', ...partsOf(manifest).map((part) => part.mediaType)]) {
    if (hasControlCharacter(type)) refuse('a media type has a control character')
  }
  const text = new TextDecoder().decode(bytes)
  const found = mayHaveControlCharacter(text) ? controlCharacterIn(json) : undefined
  return found ? refuse(`"${found.field}" ${found.problem}`) : manifest
}

const partsOf = (manifest: Manifest): readonly Descriptor[] =>
  manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]

/**
 * Parses a stored manifest, as a registry served it. The type is that of the Content-Type; the document's own `mediaType` must
 * agree with it, and is used when the Content-Type is not a manifest type.
 * Throws InvalidManifestError: not JSON, schema 1, contradicting types, `manifests` beside `layers` (CVE-2021-41190),
 * too many children.
 */
export const readManifest = (bytes: Uint8Array, contentType = ''): Manifest =>
  manifestOf(parseObject(bytes), contentType)

function manifestOf(json: Json, contentType: string): Manifest {
  const sent = essenceOf(contentType)
  const own = typeof json.mediaType === 'string' ? json.mediaType : ''
  if (json.schemaVersion === 1 || isSchema1Type(sent) || isSchema1Type(own)) {
    refuse('it is a Docker schema 1 manifest, which registries no longer support: push the image again')
  }
  const isManifestType = [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST].includes(sent)
  if (isManifestType && own !== '' && own !== sent) {
    refuse(`its Content-Type is ${sent} but its mediaType is ${own}`)
  }
  const hasManifests = json.manifests !== undefined
  const hasLayers = json.layers !== undefined || json.config !== undefined
  if (hasManifests && hasLayers) refuse('it has both "manifests" and "layers"')
  const mediaType = isManifestType ? sent : own || (hasManifests ? OCI_INDEX : OCI_MANIFEST)
  const artifactType = typeof json.artifactType === 'string' && json.artifactType ? json.artifactType : null
  const subject =
    json.subject == null
      ? null
      : (parseDescriptor(json.subject) ?? refuse('"subject" has no valid digest and size'))
  const fields = { mediaType, artifactType, subject, annotations: parseStringMap(json.annotations) }

  if (isIndexType(mediaType)) {
    if (hasLayers) refuse(`its type is an index (${mediaType}) but it has layers`)
    const manifests = descriptorsOf(json.manifests, 'manifests')
    if (manifests.length > MAX_INDEX_CHILDREN) {
      refuse(`the index has ${manifests.length} children: at most ${MAX_INDEX_CHILDREN} are allowed`)
    }
    return { kind: 'index', ...fields, manifests }
  }
  if (hasManifests) refuse(`its type is an image (${mediaType}) but it has children`)
  const config = parseDescriptor(json.config) ?? refuse('"config" has no valid digest and size')
  const layers = descriptorsOf(json.layers, 'layers')
  const isOfCosign = layers.length > 0 && layers.every((layer) => isCosignType(layer.mediaType))
  const artifact = artifactType !== null || !isImageConfigType(config.mediaType) || isOfCosign
  return { kind: 'image', ...fields, config, layers, artifact }
}
