import type { ImportResult } from '../../imagestream/request/import-rows.ts'
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
  description: 'How far an import is, or how it ended.',
  values: {
    PENDING: { description: 'It waits for its turn.' },
    RUNNING: { description: 'Registries are being asked.' },
    SUCCEEDED: { description: 'Every tag was read.' },
    PARTIALLY_SUCCEEDED: {
      description: 'Some tags were read and some were not: `results(state: FAILED)` says why.',
    },
    FAILED: { description: 'Nothing was read: `message` says why.' },
  } as const,
})

const ImportResultStateEnum = builder.enumType('ImportResultState', {
  description: 'What an import found of one tag.',
  values: {
    IMPORTED: { description: 'Another image than before: the tag has a new entry in its history.' },
    UNCHANGED: { description: 'The same image as before.' },
    FAILED: { description: 'The tag could not be read; its history is as it was.' },
  } as const,
})

export const ImportConnection = connectionType('Import', ImportType, { items: 'imports' })
const ImportResultConnection = connectionType('ImportResult', ImportResultType, { items: 'results' })
const resultCursors = keyCursors<ImportResult>('results', ({ importance }) => [importance], ['string'])

ImportType.implement({
  description: 'One look at the registries that a stream’s images come from.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Names this import among all objects; `importProgressed` follows it.',
      resolve: ({ id }) => nodeId('Import', id),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description:
        'The stream that it is for; null once that is deleted, and in a dry run for a stream that is not there.',
      resolve: (one, _args, context) => streamOf(one, context),
    }),
    state: t.field({ type: ImportStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its turn came; null while it waits.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last tag was decided; null until then.',
    }),
    total: t.exposeInt('total', {
      nullable: true,
      description: 'Tags to import; null until the registry has listed them.',
    }),
    imported: t.exposeInt('imported', { description: 'Tags whose image is new.' }),
    unchanged: t.exposeInt('unchanged', { description: 'Tags that mean what they meant.' }),
    failed: t.exposeInt('failed', { description: 'Tags that could not be read.' }),
    additionalTags: t.field({
      type: ['String'],
      description: 'Tags that the registry has and that a limit left out, in order of importance.',
      resolve: ({ additionalTags }) => additionalTags,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why the whole import failed, in one of the words that a tag’s condition uses.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why the whole import failed, for a person; null when it did not.',
    }),
    results: t.field({
      type: ImportResultConnection,
      description: 'What was found of each tag, in order of importance; grows while the import runs.',
      args: {
        state: t.arg({ type: ImportResultStateEnum, description: 'Only results of this kind.' }),
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
  description: 'What an import found of one tag.',
  fields: (t) => ({
    tag: t.exposeString('tag', { description: 'Name of the tag: `3.3`.' }),
    state: t.field({
      type: ImportResultStateEnum,
      description: 'What was found.',
      resolve: ({ state }) => state,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image that the tag means; null where it could not be read.',
      resolve: (result, _args, context) =>
        result.image ?? (result.imageId === null ? null : imageOf(result, context)),
    }),
    dockerImageReference: t.exposeString('dockerImageReference', {
      nullable: true,
      description: 'Pull spec of that image.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Why it failed, in one of the words that a tag’s condition uses; `Superseded` when the spec changed meanwhile.',
    }),
    message: t.exposeString('message', { nullable: true, description: 'Why it failed, for a person.' }),
  }),
})

builder.subscriptionField('importProgressed', (t) =>
  t.field({
    type: ImportType,
    description: 'An import as it stands, and again each time that it got on, until it is finished.',
    args: { import: t.arg.id({ required: true, description: 'The `id` of the import.' }) },
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
