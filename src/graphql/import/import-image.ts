import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import { streamOrTagNamed } from '../../input/qualified-name.ts'
import { checkWait, inputType, mutation } from '../kit/inputs.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from '../tag/tag-reference.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

const ImportImageInput = inputType('ImportImageInput', {
  description: 'An import into an image stream.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(),
    tag: t.string(
      'Name of one tag to import. A tag that follows another tag of the stream is not imported itself: the import imports the tag at the end of the chain, and the tag gets its image. If omitted, the tag of the reference in `from` is imported; without `from`, everything that the spec imports.',
    ),
    from: t.string(
      'Reference to import. It becomes the source of the tag, or with `all` of the image stream. `INVALID` if the tag has another source, unless `replaceSource` is true.',
    ),
    all: t.flag(
      'Whether to import every tag of the repository in `from`; without `from`, everything that the spec imports. The default is false.',
    ),
    confirm: t.flag(
      'Whether to create the image stream if it does not exist and, with `all`, to replace another repository that the stream has; the default is false.',
    ),
    replaceSource: t.flag(
      'Whether `from` replaces another source of the tag: another reference, a tag or an image of a stream, or a policy. The default is false. `tagImage` replaces a source, too.',
    ),
    dryRun: t.flag('Whether to fetch and report everything without storing anything; the default is false.'),
    fullScan: t.boolean(
      'Whether to run a full scan: to request each tag of the stream’s repository from the registry, instead of only those that a vendor’s listing reports as changed. A full scan finds changes that a listing omits and costs one request for each tag. It also retries a listing that failed. If omitted, the server decides by the time of the last full scan (`repositoryWatch`).',
    ),
    scheduled: t.boolean(
      'Whether the server imports the tag or repository periodically; stored in the spec. If omitted, the spec does not change.',
    ),
    insecure: t.boolean(
      'Whether the import may use plain HTTP or accept an invalid certificate. The value is stored in the spec with the imported source. If there is no spec tag and no `from`, it applies to this import only.',
    ),
    importMode: t.one(
      ImportModeEnum,
      'Part of a multi-platform image that is imported; stored like `insecure`.',
    ),
    referencePolicy: t.one(
      TagReferencePolicyTypeEnum,
      'Pull spec that clients get for the images of the tag. With `from`, it is stored only if the tag is new.',
    ),
    resourceVersion: t.resourceVersion('has another one or does not exist'),
    waitSeconds: t.waitSeconds(),
  }),
})

const ImportImagePayload = objectType<{ import: Import; imageStream: ImageStream | null }>(
  'ImportImagePayload',
  {
    description: 'The import that the mutation started, in its state after the wait.',
    properties: (t) => ({
      import: t.one(ImportType, 'The import.'),
      imageStream: t.oneOrNull(
        ImageStreamType,
        'The image stream; null in a dry run if the stream does not exist.',
      ),
    }),
  },
)

mutation('importImage', {
  description:
    'Imports images from registries now, and records the tags whose image changed. A failure of a tag is part of the result and not an error of the mutation.',
  access: 'import',
  complexity: MUTATION_COMPLEXITY.remote,
  example: `
    # Import one tag. With confirm: true, the stream is created if it does not exist.
    mutation ImportImage {
      importImage(input: { imageStream: "ruby", tag: "alpine", from: "docker.io/library/ruby:alpine", confirm: true }) {
        import { state imported unchanged failed results(first: 10) { nodes { tag state dockerImageReference message } } }
      }
    }
  `,
  input: ImportImageInput,
  inputDescription: 'The import.',
  payload: ImportImagePayload,
  resolve: async (given, { viewer, importer, streams, importImage }) => {
    const { name: imageStream, ...named } = streamOrTagNamed(
      { ...given, name: given.imageStream },
      'imageStream',
    )
    const input = { ...given, ...named, imageStream }
    const seconds = checkWait(input.waitSeconds)
    const finished = await importer.wait(importImage(viewer, input), seconds)
    if (!finished) throw new Error('the import that was just started does not exist')
    return {
      import: finished,
      imageStream: streams.byName(viewer, input.namespace, input.imageStream) ?? null,
    }
  },
})
