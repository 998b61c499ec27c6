import { InvalidInputError } from '../../input/errors.ts'
import { checkGlob } from '../../input/glob.ts'
import { checkNamespace, checkReference, checkRepository, checkTagName } from '../../input/names.ts'
import { streamNamed, tagNamed } from '../../input/qualified-name.ts'
import { isPlatformName } from '../../oci/platforms.ts'
import { DEFAULT_NAMESPACE, type StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type {
  Destination,
  MirroredImage,
  MirroredTags,
  MirroringRequest,
} from '../../registry/mirroring/mirroring.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { inputType } from '../kit/inputs.ts'
import { ObjectReferenceInput } from '../tag/tag-reference-input.ts'

const MAX_PLATFORMS = 64

export const MirrorImageInput = inputType('MirrorImageInput', {
  description:
    'Images to copy, and where to: an image stream of this server (`imageStream`), or a repository of another registry (`toRepository`).',
  fields: (t) => ({
    namespace: t.string(
      'Namespace of the image stream. If omitted, it is the first component of a name with a slash, and otherwise `default`. With `toRepository` the namespace whose credentials are used; the default is `default`.',
    ),
    imageStream: t.string(
      'Name of the image stream whose repository gets the images: `app`, or `team/app` with its namespace. With the tag, as in `app:v1`, `tag` can be omitted. The mutation creates the stream if it does not exist. Required without `toRepository`, and not allowed with it.',
    ),
    toRepository: t.string(
      'Repository of another registry that gets the images: `registry.example.org/team/app`, or with the tag `registry.example.org/team/app:v1`. The credential of the namespace for it is used; the server’s own `--docker-config` only for a server admin.',
    ),
    tag: t.string(
      'Name of the tag that points to the image afterwards, for example `3.3`. Required unless `imageStream` names it; with `toRepository` the default is the tag of the source, and an image by digest without a tag is copied by its digest alone. Not allowed with `tags`.',
    ),
    tags: t.string(
      'Pattern over the tags to copy, in which `*` stands for any characters: `v1.*`, or `*` for all. Each image is copied to the tag of its name; at most 10,000. If omitted, one image is copied.',
    ),
    from: t.requiredOne(
      ObjectReferenceInput,
      'Image to copy: a reference in a registry as `DOCKER_IMAGE`, for example `docker.io/library/ruby:3.3`; or the image that a tag of a stream, or an image of its history, has now. With `tags` a repository as `DOCKER_IMAGE`, for example `quay.io/team/app`, or an image stream as `IMAGE_STREAM_TAG`, for example `team/app`, both without a tag.',
    ),
    platforms: t.strings(
      `Platforms of a multi-platform image to copy, for example \`linux/arm64\`; at most ${MAX_PLATFORMS}. All platforms if omitted or empty. The index is copied unchanged, so that its digest and its signatures stay valid; the other platforms cannot be pulled. Most other registries refuse an index without all of its images. An image for one platform is copied in any case.`,
    ),
    includeReferrers: t.flag(
      'Whether to copy signatures, SBOMs and other artifacts that are attached to the image or to its platforms, also those under cosign’s tags; the default is false.',
    ),
    createRepository: t.flag(
      'Whether to create the repository in `toRepository` where its registry does not do so by itself, such as Amazon ECR; the default is false.',
    ),
    insecure: t.flag(
      'Whether connections may use plain HTTP or accept an invalid certificate; the default is false. A registry configuration can permit both for a registry.',
    ),
    resourceVersion: t.resourceVersion('has another one or does not exist'),
    dryRun: t.flag(
      'Whether to read the manifests and report what would be copied, without storing anything; the default is false.',
    ),
    waitSeconds: t.waitSeconds('mirroring', 'imageMirroringProgressed'),
  }),
})

type Input = typeof MirrorImageInput.$inferInput

/** Where images go to, and the tag of one image if the input names it. */
interface Target {
  readonly namespace: string
  readonly destination: Destination
  readonly tag: TagName | null
}

/** Returns the request of the input. Throws InvalidInputError; NotFoundError and ConflictError for the image of a stream. */
export function mirroringRequestOf(input: Input, context: GraphQLContext): MirroringRequest {
  const { namespace, destination, tag } = input.toRepository == null ? toStream(input) : toRepository(input)
  const home = 'registry' in destination ? { namespace, name: '' } : destination
  const images =
    input.tags == null
      ? imageOf(input, home, { tag, context })
      : tagsOf(input, { namespace, tags: input.tags })
  const { includeReferrers, createRepository, insecure, resourceVersion = null } = input
  const platforms = platformsOf(input)
  const options = { platforms, includeReferrers, createRepository, insecure, resourceVersion }
  return { namespace, destination, images, ...options }
}

function toStream({ namespace, imageStream, tag, tags }: Input): Target {
  if (imageStream == null) {
    throw new InvalidInputError(
      'imageStream',
      'name the destination: an image stream of this server in "imageStream", or another repository in "toRepository"',
    )
  }
  if (tags == null) {
    const { tag: named, ...stream } = tagNamed({ namespace, name: imageStream, tag }, 'imageStream')
    return { namespace: stream.namespace, destination: stream, tag: named }
  }
  const stream = streamNamed({ namespace, name: imageStream }, 'imageStream')
  return { namespace: stream.namespace, destination: stream, tag: null }
}

function toRepository({ namespace, imageStream, toRepository: text, tag, resourceVersion }: Input): Target {
  const refuse = (field: string, problem: string): never => {
    throw new InvalidInputError(field, problem)
  }
  if (imageStream != null) refuse('toRepository', 'give "imageStream" or "toRepository", not both')
  if (resourceVersion != null) {
    refuse(
      'resourceVersion',
      '"resourceVersion" is of an image stream: it is not allowed with "toRepository"',
    )
  }
  const { registry, repository, digest, tag: parsed } = checkReference(text ?? '', 'toRepository')
  if (digest !== null) refuse('toRepository', 'name the destination without a digest')
  // parsing adds the default tag: only the text shows whether a tag was written
  const own = parsed !== null && text?.endsWith(`:${parsed}`) ? parsed : null
  if (own !== null && tag != null && own !== tag) {
    refuse('toRepository', `"toRepository" names the tag "${own}", and "tag" another: give one of them`)
  }
  const chosen = namespace ?? DEFAULT_NAMESPACE
  checkNamespace(chosen)
  return {
    namespace: chosen,
    destination: { registry, repository },
    tag: own ?? (tag == null ? null : checkTagName(tag)),
  }
}

function imageOf(
  { from, toRepository: other }: Input,
  home: StreamName,
  { tag, context }: { readonly tag: TagName | null; readonly context: GraphQLContext },
): MirroredImage {
  const source = context.imageReference(context.viewer, home, from)
  if (tag !== null || other == null) return { source, tag }
  // the image of a stream's tag is referred to by its digest
  const named = from.kind === 'ImageStreamTag' ? /:([^:]+)$/.exec(from.name)?.[1] : undefined
  return { source, tag: named === undefined ? source.tag : checkTagName(named, 'from.name') }
}

function tagsOf(
  { from: { kind, name, namespace: given }, tag, toRepository: to }: Input,
  { namespace, tags }: { readonly namespace: string; readonly tags: string },
): MirroredTags {
  const ownTag = to != null && /:[^/:]+$/.test(to)
  if (tag != null || ownTag) {
    throw new InvalidInputError('tags', 'give one "tag", or a pattern in "tags": each image keeps its tag')
  }
  const pattern = checkGlob(tags, 'tags') ?? '*'
  if (kind === 'DockerImage') {
    const { registry, repository } = checkReference(checkRepository(name, 'from.name'), 'from.name')
    return { of: { registry, repository }, pattern }
  }
  if (kind === 'ImageStreamImage') {
    throw new InvalidInputError('from.kind', '"tags" are those of a DOCKER_IMAGE or an IMAGE_STREAM_TAG')
  }
  const named = given ?? (name.includes('/') ? null : namespace)
  return { of: streamNamed({ namespace: named, name }, 'from.name'), pattern }
}

function platformsOf(input: Input): readonly string[] {
  const platforms = [...new Set(input.platforms ?? [])]
  if (platforms.length > MAX_PLATFORMS) {
    throw new InvalidInputError('platforms', `platforms may have at most ${MAX_PLATFORMS} items`)
  }
  const wrong = platforms.findIndex((name) => !isPlatformName(name))
  if (wrong >= 0) {
    throw new InvalidInputError(
      `platforms.${wrong}`,
      'a platform is os/architecture or os/architecture/variant: linux/arm64',
    )
  }
  return platforms
}
