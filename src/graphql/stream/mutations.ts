import type { UpdatedStream, WrittenStream } from '../../imagestream/commands/write-stream.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import { streamNamed } from '../../input/qualified-name.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inputType, mutation, ofStream } from '../kit/inputs.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { stoppedSourcesField } from '../tag/stopped-source.ts'
import { TagReferenceInput } from '../tag/tag-reference-input.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { ImageStreamSpecInput } from './spec.ts'

interface WrittenPayload {
  readonly imageStream: ImageStream
  readonly import: Import | null
}

/** Returns the image stream and the import after the wait. */
export async function payloadOf(
  { stream, importId }: WrittenStream,
  seconds: number,
  context: GraphQLContext,
): Promise<WrittenPayload> {
  const { importer, streams } = context
  const finished = importId === null ? undefined : await importer.wait(importId, seconds)
  return {
    imageStream: streams.byIds(context.viewer, [stream.id]).get(stream.id) ?? stream,
    import: finished ?? null,
  }
}

const CreateImageStreamInput = inputType('CreateImageStreamInput', {
  description: 'An image stream to create.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    name: t.requiredString(
      'Name of the image stream, unique in the namespace: `app`, or `team/app` with its namespace. It has one or more components, separated by `/`, of lowercase letters and digits, separated by `.`, `_`, `__` or dashes. With its namespace at most 255 characters.',
    ),
    labels: t.list(
      KeyValueInput,
      'Labels of the image stream, which `imageStreams` can filter by; at most 256 KiB of text.',
    ),
    annotations: t.list(
      KeyValueInput,
      'Annotations of the image stream, which the server stores without interpretation; at most 256 KiB of text.',
    ),
    spec: t.one(ImageStreamSpecInput, 'Desired state: the sources of the images.'),
    waitSeconds: t.waitSeconds(),
  }),
})

const UpdateImageStreamInput = inputType('UpdateImageStreamInput', {
  description: 'Changes of an image stream. Omitted fields do not change.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStream(),
    resourceVersion: t.resourceVersion(),
    dryRun: t.flag(
      'Whether to check the changes and return `stoppedSources` without storing anything; the default is false.',
    ),
    labels: t.list(
      KeyValueInput,
      'Labels that replace all labels; not together with `setLabels` or `removeLabels`.',
    ),
    setLabels: t.list(KeyValueInput, 'Labels to add or change; other labels do not change.'),
    removeLabels: t.strings('Keys of labels to remove. Keys that no label has are ignored.'),
    annotations: t.list(
      KeyValueInput,
      'Annotations that replace all annotations except those of the server; not together with `setAnnotations` or `removeAnnotations`.',
    ),
    setAnnotations: t.list(KeyValueInput, 'Annotations to add or change; other annotations do not change.'),
    removeAnnotations: t.strings('Keys of annotations to remove. Keys that no annotation has are ignored.'),
    spec: t.one(ImageStreamSpecInput, 'Changes of the spec. New sources are imported.'),
    setTags: t.list(
      TagReferenceInput,
      'Tags to set in the spec, each with its source or policy; other tags of the spec do not change.',
    ),
    removeTags: t.strings(
      'Names of tags to remove from the spec, so that their sources are no longer followed. The tags keep their images and histories; `untagImage` removes them.',
    ),
    waitSeconds: t.waitSeconds(),
  }),
})

export const writtenPayload = (name: string, done: string) =>
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

const UpdateImageStreamPayload = objectType<WrittenPayload & Pick<UpdatedStream, 'stoppedSources'>>(
  'UpdateImageStreamPayload',
  {
    description: 'The changed image stream, and the import that the mutation started.',
    properties: (t) => ({
      imageStream: t.one(ImageStreamType, 'The image stream; unchanged in a dry run.'),
      import: t.oneOrNull(
        ImportType,
        'The import that the mutation started; null if there is nothing to import, and in a dry run.',
      ),
    }),
    fields: (t) => ({ stoppedSources: t.field(stoppedSourcesField) }),
  },
)

mutation('createImageStream', {
  description:
    'Creates an image stream and imports the sources in its spec. `ALREADY_EXISTS` if a stream with the name exists.',
  access: 'create',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Follow the Ruby images of Docker Hub: a few of their tags.
    mutation CreateImageStream {
      createImageStream(
        input: {
          name: "ruby"
          spec: {
            tags: [
              { name: "latest", from: { kind: DOCKER_IMAGE, name: "docker.io/library/ruby:latest" } }
              { name: "3.4-slim", from: { kind: DOCKER_IMAGE, name: "docker.io/library/ruby:3.4-slim" } }
            ]
          }
        }
      ) {
        imageStream { name resourceVersion }
        import { state imported failed message results(first: 10) { nodes { tag state reason message } } }
      }
    }
  `,
  input: CreateImageStreamInput,
  inputDescription: 'The image stream.',
  payload: CreateImageStreamPayload,
  resolve: (input, context) => {
    const seconds = checkWait(input.waitSeconds)
    return payloadOf(
      context.writer.create(context.viewer, { ...input, ...streamNamed(input) }),
      seconds,
      context,
    )
  },
})

mutation('updateImageStream', {
  description:
    'Changes labels, annotations or spec of an image stream, and imports new sources. `NOT_FOUND` if the stream does not exist.',
  access: 'tag',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Follows another tag, and checks all of them periodically.
    mutation UpdateImageStream {
      updateImageStream(
        input: {
          imageStream: "ruby"
          setTags: [{ name: "3.4", from: { kind: DOCKER_IMAGE, name: "docker.io/library/ruby:3.4" }, importPolicy: { scheduled: true } }]
        }
      ) {
        imageStream { name resourceVersion }
      }
    }
  `,
  input: UpdateImageStreamInput,
  inputDescription: 'The changes.',
  payload: UpdateImageStreamPayload,
  resolve: async (given, context) => {
    const input = ofStream(given)
    const seconds = checkWait(input.waitSeconds)
    const { viewer, streams, policies, writer } = context
    const existing = streams.byName(viewer, input.namespace, input.name)
    const specTags = [...(input.spec?.tags ?? []), ...(input.setTags ?? [])]
    const ofOwnTags = specTags.flatMap(({ from, policy }) => (policy && !from ? policy : []))
    if (existing && ofOwnTags.length > 0) await policies.applyFilters(existing.id, ofOwnTags)
    const { stoppedSources, ...written } = writer.update(viewer, input)
    return { ...(await payloadOf(written, seconds, context)), stoppedSources }
  },
})
