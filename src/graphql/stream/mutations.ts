import type { WrittenStream } from '../../imagestream/commands/write-stream.ts'
import type { Import } from '../../imagestream/request/import-rows.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { nodeId } from '../kit/node.ts'
import { ImageStreamType, ImportType } from '../kit/object-types.ts'
import { checkWait, WAIT_DESCRIPTION } from '../kit/wait.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from '../tag/tag-reference.ts'
import { ImageStreamSpecInput } from './spec.ts'

interface Payload {
  readonly imageStream: ImageStream
  readonly import: Import | null
}

/** The stream and import as they stand after waiting. */
async function payloadOf(
  { stream, importId }: WrittenStream,
  seconds: number,
  context: GraphQLContext,
): Promise<Payload> {
  const { importer, streams } = context
  const finished = importId === null ? undefined : await importer.wait(importId, seconds)
  return { imageStream: streams.byIds([stream.id]).get(stream.id) ?? stream, import: finished ?? null }
}

const CreateImageStreamInput = builder.inputType('CreateImageStreamInput', {
  description: 'An image stream to create.',
  fields: (t) => ({
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: 'Its namespace: a DNS label.',
    }),
    name: t.string({
      required: true,
      description:
        'Its name: lowercase letters, digits, dashes and dots, at most 253; unique in the namespace.',
    }),
    labels: t.field({ type: [KeyValueInput], description: 'Labels, by which it can be found.' }),
    annotations: t.field({
      type: [KeyValueInput],
      description: 'Notes, which the server keeps and does not read.',
    }),
    spec: t.field({ type: ImageStreamSpecInput, description: 'Where its images come from.' }),
    waitSeconds: t.int({ required: true, defaultValue: 30, description: WAIT_DESCRIPTION }),
  }),
})

const ImportImageInput = builder.inputType('ImportImageInput', {
  description: 'What to import into a stream.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    imageStream: t.string({ required: true, description: 'Name of the stream.' }),
    tag: t.string({ description: 'One tag; without it, whatever the spec says to import.' }),
    from: t.string({
      description: 'Imports this reference, and makes it the source of the tag, or with `all` of the stream.',
    }),
    all: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Imports every tag of the repository that `from` names.',
    }),
    confirm: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Creates the stream where there is none.',
    }),
    dryRun: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Fetches and reports everything, and stores nothing.',
    }),
    fullSweep: t.boolean({
      description:
        'Asks the registry for each tag of the stream’s repository, also where a listing of its vendor tells which ones changed: that finds what such a listing does not show, and costs a request for each tag. A listing that is set aside because it failed is asked for again.',
    }),
    scheduled: t.boolean({
      description: 'Writes into the spec whether this is to be imported again and again without being asked.',
    }),
    insecure: t.boolean({
      description:
        'Accepts plain HTTP, or a certificate that does not verify. WrittenStream into the spec with what is imported; for this import alone where no spec tag or `from` is concerned.',
    }),
    importMode: t.field({
      type: ImportModeEnum,
      description: 'What to take of an image for several platforms; kept like `insecure`.',
    }),
    referencePolicy: t.field({
      type: TagReferencePolicyTypeEnum,
      description: 'Which pull spec to give out; written into a spec tag that has none yet.',
    }),
    resourceVersion: t.string({
      description:
        'Refuses with `CONFLICT` unless this is still the stream’s newest version, or where there is no such stream.',
    }),
    waitSeconds: t.int({ required: true, defaultValue: 30, description: WAIT_DESCRIPTION }),
  }),
})

const UpdateImageStreamInput = builder.inputType('UpdateImageStreamInput', {
  description: 'A change of an image stream: what is left out stays as it is.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    name: t.string({ required: true, description: 'Name of the stream.' }),
    resourceVersion: t.string({
      description: 'Refuses the change with `CONFLICT` unless this is still the newest version.',
    }),
    labels: t.field({ type: [KeyValueInput], description: 'Replaces all labels.' }),
    annotations: t.field({
      type: [KeyValueInput],
      description: 'Replaces all annotations but the server’s own.',
    }),
    spec: t.field({
      type: ImageStreamSpecInput,
      description: 'Changes the spec; what is new in it is imported.',
    }),
  }),
})

const DeleteImageStreamInput = builder.inputType('DeleteImageStreamInput', {
  description: 'An image stream to delete, with its tags and their history.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    name: t.string({ required: true, description: 'Name of the stream.' }),
    resourceVersion: t.string({
      description: 'Refuses with `CONFLICT` unless this is still the newest version.',
    }),
  }),
})

const writtenPayload = (name: string, done: string) =>
  builder.objectRef<Payload>(name).implement({
    description: `The image stream as it is after it was ${done}, and the import that this began.`,
    fields: (t) => ({
      imageStream: t.field({
        type: ImageStreamType,
        description: 'The image stream.',
        resolve: (p) => p.imageStream,
      }),
      import: t.field({
        type: ImportType,
        nullable: true,
        description: 'The import that was begun; null where there is nothing to import.',
        resolve: (payload) => payload.import,
      }),
    }),
  })

const CreateImageStreamPayload = writtenPayload('CreateImageStreamPayload', 'created')
const UpdateImageStreamPayload = writtenPayload('UpdateImageStreamPayload', 'changed')

const ImportImagePayload = builder
  .objectRef<{ import: Import; imageStream: ImageStream | null }>('ImportImagePayload')
  .implement({
    description: 'The import that was begun, as it stands after waiting.',
    fields: (t) => ({
      import: t.field({ type: ImportType, description: 'The import.', resolve: (payload) => payload.import }),
      imageStream: t.field({
        type: ImageStreamType,
        nullable: true,
        description: 'The stream; null in a dry run for a stream that is not there.',
        resolve: (payload) => payload.imageStream,
      }),
    }),
  })

const DeleteImageStreamPayload = builder.objectRef<{ id: number }>('DeleteImageStreamPayload').implement({
  description: 'Says that a stream is gone.',
  fields: (t) => ({
    deletedId: t.id({
      description: 'The `id` that the stream had.',
      resolve: ({ id }) => nodeId('ImageStream', id),
    }),
  }),
})

builder.mutationFields((t) => ({
  createImageStream: t.field({
    type: CreateImageStreamPayload,
    description:
      'Creates an image stream and imports what its spec names. `ALREADY_EXISTS` when the name is taken.',
    args: { input: t.arg({ type: CreateImageStreamInput, required: true, description: 'The stream.' }) },
    resolve: (_mutation, { input }, context) => {
      const seconds = checkWait(input.waitSeconds)
      return payloadOf(context.writer.create(input), seconds, context)
    },
  }),
  importImage: t.field({
    type: ImportImagePayload,
    description:
      'Looks at the registries now, and records which tags mean another image. What comes of each tag is data, not an error.',
    args: { input: t.arg({ type: ImportImageInput, required: true, description: 'What to import.' }) },
    resolve: async (_mutation, { input }, { importer, streams, importImage }) => {
      const seconds = checkWait(input.waitSeconds)
      const finished = await importer.wait(importImage(input), seconds)
      if (!finished) throw new Error('an import that was just begun is not there')
      return { import: finished, imageStream: streams.byName(input.namespace, input.imageStream) ?? null }
    },
  }),
  updateImageStream: t.field({
    type: UpdateImageStreamPayload,
    description:
      'Changes labels, annotations or spec, and imports what is new in the spec without waiting for it.',
    args: { input: t.arg({ type: UpdateImageStreamInput, required: true, description: 'The change.' }) },
    resolve: (_mutation, { input }, context) => payloadOf(context.writer.update(input), 0, context),
  }),
  deleteImageStream: t.field({
    type: DeleteImageStreamPayload,
    description:
      'Deletes a stream with its tags and their history, and its repository in the integrated registry, whose bytes the next garbage collection frees. What is known of its images, and the push log, stay.',
    args: { input: t.arg({ type: DeleteImageStreamInput, required: true, description: 'The stream.' }) },
    resolve: (_mutation, { input }, { writer }) => ({ id: writer.delete(input) }),
  }),
}))
