import type { StreamDeletion } from '../../imagestream/commands/remove-stream.ts'
import { inputType, mutation, ofStream } from '../kit/inputs.ts'
import { anyStream } from '../kit/last-specs.ts'
import { nodeId } from '../kit/node.ts'
import { ImageStreamType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { stoppedSourcesField } from '../tag/stopped-source.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

const DeleteImageStreamInput = inputType('DeleteImageStreamInput', {
  description: 'An image stream to delete.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStream(),
    resourceVersion: t.resourceVersion(),
    dryRun: t.flag(
      'Whether to report what would be deleted without deleting anything; the default is false.',
    ),
  }),
})

const DeleteImageStreamPayload = objectType<StreamDeletion & { readonly isDryRun: boolean }>(
  'DeleteImageStreamPayload',
  {
    description: 'The deleted image stream, or what its deletion would do.',
    properties: (t) => ({
      tagCount: t.int('Number of tags that are removed.'),
      historyEntryCount: t.int(
        'Number of entries in the histories of the tags. They remain until they are pruned, and `restoreImageStream` restores the stream with them.',
      ),
    }),
    fields: (t) => ({
      deletedId: t.id({
        nullable: true,
        description: 'Global `id` of the deleted image stream; null in a dry run.',
        resolve: ({ stream, isDryRun }) => (isDryRun ? null : nodeId('ImageStream', stream.id)),
      }),
      imageStream: t.field({
        type: ImageStreamType,
        description:
          'The image stream in its last state, which `imageStreamByUid` returns until it is pruned; in a dry run in its present state.',
        resolve: ({ stream }, _args, context) => anyStream(stream.id, context) ?? stream,
      }),
      stoppedSources: t.field(stoppedSourcesField),
    }),
  },
)

mutation('deleteImageStream', {
  description:
    'Deletes an image stream: its name is free, its tags are removed and its sources are no longer followed. Its spec, the histories of its tags and its content in the integrated registry remain until `pruneImages` prunes them; until then `restoreImageStream` restores the stream. `NOT_FOUND` if the stream does not exist.',
  access: 'delete',
  complexity: MUTATION_COMPLEXITY.stream,
  example: `
    mutation DeleteImageStream {
      deleteImageStream(input: { imageStream: "tools" }) { deletedId }
    }
  `,
  input: DeleteImageStreamInput,
  inputDescription: 'The image stream.',
  payload: DeleteImageStreamPayload,
  resolve: (input, { viewer, streamRemoval }) => ({
    ...streamRemoval.delete(viewer, ofStream(input)),
    isDryRun: input.dryRun,
  }),
})
