import type { Viewer } from '../../access/right/viewer.ts'
import type { Import, ImportResult } from '../../imagestream/stored-import/import-state.ts'
import { sortKeysOf } from '../../imagestream/tag/tag-order.ts'
import { NotFoundError } from '../../input/errors.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'
import { imageOf } from '../image/image-content.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { listConnection } from '../kit/list-page.ts'
import {
  NodeInterface,
  namedNodeId,
  nodeId,
  registerNamedNode,
  registerRowNode,
  rowIdOf,
} from '../kit/node.ts'
import { ImageStreamType, ImageType, ImportResultType, ImportType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { whileSeen } from '../work/while-seen.ts'

registerRowNode('Import', {
  load: (id, { viewer, importer }) => importer.byIds(viewer, [id]).get(id),
  access: 'load',
})

registerNamedNode('ImportResult', {
  load: (importId, tag, { viewer, importer }) => {
    if (!isTagName(tag) || !importer.byIds(viewer, [importId]).has(importId)) return undefined
    const [result] = importer.results(importId, { tag, page: { limit: 1 } })
    return result && { ...result, importId }
  },
  access: 'load',
})

registerNamedNode('AdditionalTag', {
  load: (importId, name, { viewer, importer }) =>
    additionalTagsOf(importer.byIds(viewer, [importId]).get(importId)).find((tag) => tag.name === name),
  access: 'load',
})

/** A tag that a limit excluded from an import. */
interface AdditionalTag {
  readonly importId: number
  readonly name: TagName
}

const additionalTagsOf = (one: Import | undefined): AdditionalTag[] =>
  one?.additionalTags.map((name) => ({ importId: one.id, name })) ?? []

const AdditionalTagType = builder.objectRef<AdditionalTag>('AdditionalTag')
objectType(AdditionalTagType, {
  description: 'A tag in the registry that a limit excluded from an import.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the tag in the report of this import.',
      resolve: ({ importId, name }) => namedNodeId('AdditionalTag', importId, name),
    }),
    tag: t.exposeString('name', { description: 'Name of the tag, for example `3.3`.' }),
  }),
})
const AdditionalTagConnection = connectionType('AdditionalTag', AdditionalTagType, { items: 'tags' })
const keyOfAdditional = ({ name }: AdditionalTag): [string] => [sortKeysOf(name).importance]
const additionalCursors = keyCursors<AdditionalTag>('additional tags', keyOfAdditional, ['string'])

const ImportStateEnum = enumType('ImportState', {
  description: 'State of an import.',
  values: {
    PENDING: 'The import waits in the queue.',
    RUNNING: 'The server requests the registries.',
    SUCCEEDED: 'Every tag was read.',
    PARTIALLY_SUCCEEDED:
      'Some tags were read and some failed; `results(state: FAILED)` contains the reasons.',
    FAILED: 'No tag was read; `message` contains the reason.',
  },
})

const ImportResultStateEnum = enumType('ImportResultState', {
  description: 'Result of an import for one tag.',
  values: {
    IMPORTED: 'The image changed, and the tag’s history has a new entry.',
    UNCHANGED: 'The image is the same as before.',
    FAILED: 'The tag could not be read; its history is unchanged.',
  },
})

export const ImportConnection = connectionType('Import', ImportType, { items: 'imports' })
const ImportResultConnection = connectionType('ImportResult', ImportResultType, { items: 'results' })
type OwnedResult = ImportResult & Pick<AdditionalTag, 'importId'>
const resultCursors = keyCursors<OwnedResult>('results', ({ importance }) => [importance], ['string'])

objectType(ImportType, {
  description: 'An import of an image stream’s tags from registries.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    state: t.one(ImportStateEnum, 'State of the import.'),
    startedAt: t.dateTimeOrNull('Time at which the import started; null while it waits in the queue.'),
    finishedAt: t.dateTimeOrNull('Time at which the import finished; null until then.'),
    total: t.intOrNull('Number of tags to import; null until the registry has listed them.'),
    imported: t.int('Number of tags whose image changed.'),
    unchanged: t.int('Number of tags whose image is the same as before.'),
    failed: t.int('Number of tags that could not be read.'),
    reason: t.oneOrNull(FailureReasonEnum, 'Why the whole import failed; null if it did not.'),
    message: t.stringOrNull('Explanation for people why the whole import failed; null if it did not.'),
  }),
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
    additionalTags: t.field({
      type: AdditionalTagConnection,
      description: 'Tags in the registry that a limit excluded from the import, the most important first.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (one, args, _context, info) =>
        listConnection(args, info, {
          cursors: additionalCursors,
          keyOf: keyOfAdditional,
          items: additionalTagsOf(one),
        }),
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
      resolve: ({ id }, { state, ...args }, { importer }, info) =>
        connection(args, info, {
          cursors: resultCursors,
          rows: (page) => {
            const results = importer.results(id, { state: state ?? undefined, page })
            return batch(results.map((result) => ({ ...result, importId: id })))
          },
          totalCount: () => importer.countResults(id, state ?? undefined),
        }),
    }),
  }),
})

objectType(ImportResultType, {
  description: 'Result of an import for one tag.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    tag: t.string('Name of the tag, for example `3.3`.'),
    state: t.one(ImportResultStateEnum, 'State of the result.'),
    dockerImageReference: t.stringOrNull('Pull spec of the image; null if the tag could not be read.'),
    reason: t.oneOrNull(FailureReasonEnum, 'Why the tag could not be imported; null if it could.'),
    message: t.stringOrNull('Explanation of the failure for people; null if there was none.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the result: of this tag in this import.',
      resolve: ({ importId, tag }) => namedNodeId('ImportResult', importId, tag),
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image that the tag points to; null if the tag could not be read.',
      resolve: (result, _args, context) =>
        result.image ?? (result.imageId === null ? null : imageOf(result, context)),
    }),
  }),
})

const NO_IMPORT = 'there is no import with this id, or it was deleted: the last 50 of a stream are kept'

builder.subscriptionField('importProgressed', (t) =>
  t.field({
    type: ImportType,
    description:
      'Delivers the import in its present state, then again at each progress, until the import finishes. `NOT_FOUND` if the import does not exist or was deleted.',
    access: 'view',
    example: `
      # The progress of an import until it has finished.
      subscription ImportProgressed($import: ID!) {
        importProgressed(id: $import) { state total imported unchanged failed }
      }
    `,
    args: { id: t.arg.id({ required: true, description: 'Global `id` of the import.' }) },
    subscribe(_root, { id: importId }, context) {
      const { viewer, importer } = context
      const id = rowIdOf('Import', importId)
      const isSeen = (by: Viewer): boolean => id !== undefined && importer.byIds(by, [id]).has(id)
      if (id === undefined || !isSeen(viewer)) throw new NotFoundError(NO_IMPORT)
      return whileSeen(context, importer.follow(id), { isSeen, missing: NO_IMPORT })
    },
    // also an error, which the executor reports
    resolve: (progressed) => progressed as Import,
  }),
)
