import type { ImportResult } from '../../imagestream/request/import-state.ts'
import { NotFoundError } from '../../input/errors.ts'
import { imageOf } from '../image/image.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { ImageStreamType, ImageType, ImportResultType, ImportType } from '../kit/object-types.ts'
import { streamOf } from '../kit/stream-of.ts'

registerRowNode('Import', (id, { importer }) => importer.byIds([id]).get(id))

const ImportStateEnum = builder.enumType('ImportState', {
  description: 'State of an import.',
  values: {
    PENDING: { description: 'The import waits in the queue.' },
    RUNNING: { description: 'The server requests the registries.' },
    SUCCEEDED: { description: 'Every tag was read.' },
    PARTIALLY_SUCCEEDED: {
      description: 'Some tags were read and some failed; `results(state: FAILED)` contains the reasons.',
    },
    FAILED: { description: 'No tag was read; `message` contains the reason.' },
  } as const,
})

const ImportResultStateEnum = builder.enumType('ImportResultState', {
  description: 'Result of an import for one tag.',
  values: {
    IMPORTED: { description: 'The image changed, and the tag’s history has a new entry.' },
    UNCHANGED: { description: 'The image is the same as before.' },
    FAILED: { description: 'The tag could not be read; its history is unchanged.' },
  } as const,
})

export const ImportConnection = connectionType('Import', ImportType, { items: 'imports' })
const ImportResultConnection = connectionType('ImportResult', ImportResultType, { items: 'results' })
const resultCursors = keyCursors<ImportResult>('results', ({ importance }) => [importance], ['string'])

ImportType.implement({
  description: 'An import of an image stream’s tags from registries.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the import, for example for `importProgressed`.',
      resolve: ({ id }) => nodeId('Import', id),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description:
        'Image stream of the import. Null if the stream was deleted, and in a dry run if the stream does not exist.',
      resolve: (one, _args, context) => streamOf(one, context),
    }),
    state: t.field({
      type: ImportStateEnum,
      description: 'State of the import.',
      resolve: ({ state }) => state,
    }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the import started; null while it waits in the queue.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the import finished; null until then.',
    }),
    total: t.exposeInt('total', {
      nullable: true,
      description: 'Number of tags to import; null until the registry has listed them.',
    }),
    imported: t.exposeInt('imported', { description: 'Number of tags whose image changed.' }),
    unchanged: t.exposeInt('unchanged', { description: 'Number of tags whose image is the same as before.' }),
    failed: t.exposeInt('failed', { description: 'Number of tags that could not be read.' }),
    additionalTags: t.field({
      type: ['String'],
      description:
        'Names of tags in the registry that a limit excluded from the import, the most important first.',
      resolve: ({ additionalTags }) => additionalTags,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Machine-readable reason why the whole import failed, as in conditions of tags; null if it did not.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Human-readable reason why the whole import failed; null if it did not.',
    }),
    results: t.field({
      type: ImportResultConnection,
      description:
        'Results for each tag, the most important tags first. The list grows while the import runs.',
      args: {
        state: t.arg({ type: ImportResultStateEnum, description: 'Returns only results with this state.' }),
        ...connectionArgs,
      },
      complexity: pageComplexity,
      resolve: ({ id }, { state, ...args }, { importer }, info) => {
        const page = pageOf(args, resultCursors, info)
        return new Connection({
          page,
          cursors: resultCursors,
          rows: () => batch(importer.results(id, { state: state ?? undefined, page })),
          totalCount: () => importer.countResults(id, state ?? undefined),
        })
      },
    }),
  }),
})

ImportResultType.implement({
  description: 'Result of an import for one tag.',
  fields: (t) => ({
    tag: t.exposeString('tag', { description: 'Name of the tag, for example `3.3`.' }),
    state: t.field({
      type: ImportResultStateEnum,
      description: 'State of the result.',
      resolve: ({ state }) => state,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image that the tag points to; null if the tag could not be read.',
      resolve: (result, _args, context) =>
        result.image ?? (result.imageId === null ? null : imageOf(result, context)),
    }),
    dockerImageReference: t.exposeString('dockerImageReference', {
      nullable: true,
      description: 'Pull spec of the image; null if the tag could not be read.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Machine-readable reason of a failure, as in conditions of tags, or `Superseded` if the spec changed during the import. Null if there was no failure.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Human-readable reason of a failure; null if there was none.',
    }),
  }),
})

builder.subscriptionField('importProgressed', (t) =>
  t.field({
    type: ImportType,
    description:
      'Delivers the import in its present state, then again at each progress, until the import finishes. `NOT_FOUND` if the import does not exist or was deleted.',
    args: { import: t.arg.id({ required: true, description: 'Global `id` of the import.' }) },
    subscribe(_root, args, { importer }) {
      const id = rowIdOf('Import', args.import)
      if (id === undefined || !importer.byIds([id]).has(id)) {
        throw new NotFoundError(
          'there is no import with this id, or it was deleted: the last 50 of a stream are kept',
        )
      }
      return importer.follow(id)
    },
    resolve: (progressed) => progressed,
  }),
)
