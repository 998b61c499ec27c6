import type { WrittenStream } from '../../imagestream/commands/write-stream.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inputType, mutation } from '../kit/inputs.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { nodeId } from '../kit/node.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from '../tag/tag-reference.ts'
import { ImageStreamSpecInput } from './spec.ts'

interface WrittenPayload {
  readonly imageStream: ImageStream
  readonly import: Import | null
}

/** Returns the image stream and the import after the wait. */
async function payloadOf(
  { stream, importId }: WrittenStream,
  seconds: number,
  context: GraphQLContext,
): Promise<WrittenPayload> {
  const { importer, streams } = context
  const finished = importId === null ? undefined : await importer.wait(importId, seconds)
  return { imageStream: streams.byIds([stream.id]).get(stream.id) ?? stream, import: finished ?? null }
}

const CreateImageStreamInput = inputType('CreateImageStreamInput', {
  description: 'An image stream to create.',
  fields: (t) => ({
    namespace: t.namespace('Namespace of the image stream, a DNS label'),
    name: t.requiredString(
      'Name of the image stream, unique in the namespace: at most 253 lowercase letters, digits, dashes and dots.',
    ),
    labels: t.list(KeyValueInput, 'Labels of the image stream, which `imageStreams` can filter by.'),
    annotations: t.list(
      KeyValueInput,
      'Annotations of the image stream, which the server stores without interpretation.',
    ),
    spec: t.one(ImageStreamSpecInput, 'Desired state: the sources of the images.'),
    waitSeconds: t.waitSeconds(),
  }),
})

const ImportImageInput = inputType('ImportImageInput', {
  description: 'An import into an image stream.',
  fields: (t) => ({
    namespace: t.namespace('Namespace of the image stream'),
    imageStream: t.requiredString('Name of the image stream.'),
    tag: t.string('Name of one tag to import. If omitted, everything that the spec imports is imported.'),
    from: t.string(
      'Reference to import. It becomes the source of the tag, or with `all` of the image stream.',
    ),
    all: t.flag('Whether to import every tag of the repository in `from`; the default is false.'),
    confirm: t.flag('Whether to create the image stream if it does not exist; the default is false.'),
    dryRun: t.flag('Whether to fetch and report everything and store nothing; the default is false.'),
    fullSweep: t.boolean(
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
      'Pull spec that clients get for the images; stored only in a spec tag that is new.',
    ),
    resourceVersion: t.resourceVersion('has another one or does not exist'),
    waitSeconds: t.waitSeconds(),
  }),
})

const UpdateImageStreamInput = inputType('UpdateImageStreamInput', {
  description: 'Changes of an image stream. Omitted fields do not change.',
  fields: (t) => ({
    namespace: t.namespace('Namespace of the image stream'),
    name: t.requiredString('Name of the image stream.'),
    resourceVersion: t.resourceVersion(),
    labels: t.list(KeyValueInput, 'Labels that replace all labels.'),
    annotations: t.list(
      KeyValueInput,
      'Annotations that replace all annotations except those of the server.',
    ),
    spec: t.one(ImageStreamSpecInput, 'Changes of the spec. New sources are imported.'),
  }),
})

const DeleteImageStreamInput = inputType('DeleteImageStreamInput', {
  description: 'An image stream to delete, with its tags and their histories.',
  fields: (t) => ({
    namespace: t.namespace('Namespace of the image stream'),
    name: t.requiredString('Name of the image stream.'),
    resourceVersion: t.resourceVersion(),
  }),
})

const writtenPayload = (name: string, done: string) =>
  objectType<WrittenPayload>(name, {
    description: `The ${done} image stream, and the import that the mutation started.`,
    properties: (t) => ({
      imageStream: t.one(ImageStreamType, 'The image stream.'),
      import: t.oneOrNull(
        ImportType,
        'The import that the mutation started; null if there is nothing to import.',
      ),
    }),
  })

const CreateImageStreamPayload = writtenPayload('CreateImageStreamPayload', 'created')
const UpdateImageStreamPayload = writtenPayload('UpdateImageStreamPayload', 'changed')

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

const DeleteImageStreamPayload = builder.objectRef<{ id: number }>('DeleteImageStreamPayload').implement({
  description: 'The deleted image stream.',
  fields: (t) => ({
    deletedId: t.id({
      description: 'Global `id` that the image stream had.',
      resolve: ({ id }) => nodeId('ImageStream', id),
    }),
  }),
})

mutation('createImageStream', {
  description:
    'Creates an image stream and imports the sources in its spec. `ALREADY_EXISTS` if a stream with the name exists.',
  input: CreateImageStreamInput,
  inputDescription: 'The image stream.',
  payload: CreateImageStreamPayload,
  resolve: (input, context) => {
    const seconds = checkWait(input.waitSeconds)
    return payloadOf(context.writer.create(input), seconds, context)
  },
})

mutation('importImage', {
  description:
    'Imports images from registries now, and records the tags whose image changed. A failure of a tag is part of the result and not an error of the mutation.',
  input: ImportImageInput,
  inputDescription: 'The import.',
  payload: ImportImagePayload,
  resolve: async (input, { importer, streams, importImage }) => {
    const seconds = checkWait(input.waitSeconds)
    const finished = await importer.wait(importImage(input), seconds)
    if (!finished) throw new Error('the import that was just started does not exist')
    return { import: finished, imageStream: streams.byName(input.namespace, input.imageStream) ?? null }
  },
})

mutation('updateImageStream', {
  description:
    'Changes labels, annotations or spec of an image stream, and starts an import of new sources without a wait. `NOT_FOUND` if the stream does not exist.',
  input: UpdateImageStreamInput,
  inputDescription: 'The changes.',
  payload: UpdateImageStreamPayload,
  resolve: (input, context) => payloadOf(context.writer.update(input), 0, context),
})

mutation('deleteImageStream', {
  description:
    'Deletes an image stream with its tags and their histories, and its repository in the integrated registry, whose content the next garbage collection removes. The records of its images and the push log remain. `NOT_FOUND` if the stream does not exist.',
  input: DeleteImageStreamInput,
  inputDescription: 'The image stream.',
  payload: DeleteImageStreamPayload,
  resolve: (input, { writer }) => ({ id: writer.delete(input) }),
})
