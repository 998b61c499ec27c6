import type { AppliedDocument } from '../../documents/apply.ts'
import type { Import } from '../../imagestream/request/import-rows.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageStreamType, ImportType } from '../kit/object-types.ts'
import { checkWait, WAIT_DESCRIPTION } from '../kit/wait.ts'

/** One document with what stands for it after waiting. */
interface Result extends AppliedDocument {
  readonly imageStream: ImageStream | null
  readonly import: Import | null
}

/** Results that an answer is taken to have when its cost is estimated, before the documents are counted. */
const USUAL_RESULTS = 50

const ApplyImageStreamInput = builder.inputType('ApplyImageStreamInput', {
  description: 'OpenShift documents to apply.',
  fields: (t) => ({
    manifest: t.string({
      required: true,
      description:
        'JSON, or YAML documents separated by `---`: each an `ImageStream`, an `ImageStreamImport`, or a `List` of them; at most 1,000.',
    }),
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: 'Namespace of the documents that name none.',
    }),
    dryRun: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'Checks everything and says what would change, and writes nothing; an `ImageStreamImport` is fetched, and not stored.',
    }),
    waitSeconds: t.int({ required: true, defaultValue: 30, description: WAIT_DESCRIPTION }),
  }),
})

const ApplyActionEnum = builder.enumType('ApplyAction', {
  description: 'What became of a document, or in a dry run would.',
  values: {
    CREATED: { description: 'There was no stream of the name.' },
    CONFIGURED: { description: 'The stream was changed.' },
    UNCHANGED: { description: 'The stream was as the document wants it.' },
  } as const,
})

const AppliedDocumentKindEnum = builder.enumType('AppliedDocumentKind', {
  description: 'Kinds of documents that can be applied.',
  values: {
    ImageStream: { description: 'What a stream should be: labels, annotations and spec as a whole.' },
    ImageStreamImport: { description: 'What to import into a stream now, as `importImage` does.' },
  } as const,
})

const AppliedDocumentType = builder.objectRef<Result>('AppliedDocument').implement({
  description: 'One document of a manifest, and what became of it.',
  fields: (t) => ({
    kind: t.field({
      type: AppliedDocumentKindEnum,
      description: 'What kind of document it is.',
      resolve: ({ kind }) => kind,
    }),
    namespace: t.exposeString('namespace', { description: 'Namespace of its stream.' }),
    name: t.exposeString('name', { description: 'Name of its stream.' }),
    action: t.field({
      type: ApplyActionEnum,
      description: 'What was done, or would be where nothing is to be stored.',
      resolve: ({ action }) => action,
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The stream as it is now; null where it is not there since nothing was to be stored.',
      resolve: ({ imageStream }) => imageStream,
    }),
    import: t.field({
      type: ImportType,
      nullable: true,
      description:
        'The import that was begun, as it stands after waiting; null where there was nothing to import.',
      resolve: (result) => result.import,
    }),
    warnings: t.field({
      type: ['String'],
      description: 'What of the document was left out, each with its path: `spec.tags[0].foo: …`.',
      resolve: ({ warnings }) => [...warnings],
    }),
    diff: t.exposeString('diff', {
      description:
        'What changes, a line for each field: `- path: old` and `+ path: new`, by path; server-set fields are left out. Empty when nothing changes.',
    }),
  }),
})

const ApplyImageStreamPayload = builder
  .objectRef<{ readonly results: readonly Result[] }>('ApplyImageStreamPayload')
  .implement({
    description: 'What became of each document.',
    fields: (t) => ({
      results: t.field({
        type: [AppliedDocumentType],
        description: 'One for each document, in their order.',
        complexity: { field: 1, multiplier: USUAL_RESULTS },
        resolve: ({ results }) => results,
      }),
    }),
  })

/** The streams are read together, after every import was waited for. */
async function resultsOf(
  documents: readonly AppliedDocument[],
  seconds: number,
  { importer, streams }: GraphQLContext,
): Promise<Result[]> {
  const imports = await Promise.all(
    documents.map(async ({ importId }) => {
      const finished = importId === null ? undefined : await importer.wait(importId, seconds)
      return finished ?? null
    }),
  )
  const found = documents.map(({ namespace, name }) => streams.byName(namespace, name) ?? null)
  batch(found.filter((stream) => stream !== null))
  return documents.map((document, at) => ({
    ...document,
    imageStream: found[at] ?? null,
    import: imports[at] ?? null,
  }))
}

builder.mutationField('applyImageStream', (t) =>
  t.field({
    type: ApplyImageStreamPayload,
    description:
      'Creates or changes streams as OpenShift documents say, all of them or none, and imports what is new. `CONFLICT` when a document’s `resourceVersion` is not the newest.',
    args: {
      input: t.arg({ type: ApplyImageStreamInput, required: true, description: 'The documents.' }),
    },
    resolve: async (_mutation, { input }, context) => {
      const seconds = checkWait(input.waitSeconds)
      return { results: await resultsOf(context.applyDocuments(input), seconds, context) }
    },
  }),
)
