import type { WrittenStream } from '../../imagestream/commands/write-stream.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inNamespace, inputType, mutation } from '../kit/inputs.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { nodeId } from '../kit/node.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
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
    namespace: t.streamNamespace(),
    name: t.requiredString(
      'Name of the image stream, unique in the namespace: one or more components, separated by `/`, of lowercase letters and digits, separated by `.`, `_`, `__` or dashes. With its namespace at most 255 characters.',
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

const UpdateImageStreamInput = inputType('UpdateImageStreamInput', {
  description: 'Changes of an image stream. Omitted fields do not change.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
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
    namespace: t.streamNamespace(),
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
    return payloadOf(context.writer.create(inNamespace(input, input.name)), seconds, context)
  },
})

mutation('updateImageStream', {
  description:
    'Changes labels, annotations or spec of an image stream, and starts an import of new sources without a wait. `NOT_FOUND` if the stream does not exist.',
  input: UpdateImageStreamInput,
  inputDescription: 'The changes.',
  payload: UpdateImageStreamPayload,
  resolve: async (given, context) => {
    const input = inNamespace(given, given.name)
    const { streams, policies, writer } = context
    const existing = streams.byName(input.namespace, input.name)
    const ofStream = input.spec?.tags?.flatMap(({ from, policy }) => (policy && !from ? policy : []))
    if (existing && ofStream) await policies.applyFilters(existing.id, ofStream)
    return payloadOf(writer.update(input), 0, context)
  },
})

mutation('deleteImageStream', {
  description:
    'Deletes an image stream with its tags and their histories, and its repository in the integrated registry, whose content the next garbage collection removes. The records of its images and the push log remain. `NOT_FOUND` if the stream does not exist.',
  input: DeleteImageStreamInput,
  inputDescription: 'The image stream.',
  payload: DeleteImageStreamPayload,
  resolve: (input, { writer }) => ({ id: writer.delete(inNamespace(input, input.name)) }),
})
