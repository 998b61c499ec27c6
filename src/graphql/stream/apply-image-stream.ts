import type { AppliedDocument, AppliedDocuments } from '../../documents/apply.ts'
import type { SkippedDocument } from '../../documents/other-kinds.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inputType, mutation } from '../kit/inputs.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { stoppedSourcesField } from '../tag/stopped-source.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

/** A document with its image stream and import after the wait. */
interface AppliedResult extends AppliedDocument {
  readonly imageStream: ImageStream | null
  readonly import: Import | null
}

/** Number of results for the estimate of complexity, which is made before the documents are counted. */
const ESTIMATED_RESULTS = 50

const ApplyImageStreamInput = inputType('ApplyImageStreamInput', {
  description: 'OpenShift documents to apply.',
  fields: (t) => ({
    documents: t.requiredString(
      'JSON, or YAML documents separated by `---`. Each is an `ImageStream`, an `ImageStreamImport`, or a `List` of them. Documents of other kinds are skipped, and `skipped` names them. At most 1,000 documents.',
    ),
    namespace: t.string(
      'Namespace of documents that do not name one; the default is `default`. A document whose name has a slash needs a namespace.',
    ),
    importHistory: t.flag(
      'Whether to import the histories of tags in the `status` of `ImageStream` documents (`status.tags[].items`) as `reportedMoves` of the tags: images that the document reports and this server did not observe; the default is false. Then they are ignored, with a warning. A tag that only the `status` has is created without an image.',
    ),
    dryRun: t.flag(
      'Whether to check all documents and return the changes without storing them; the default is false. The images of an `ImageStreamImport` are fetched and not stored.',
    ),
    waitSeconds: t.waitSeconds(),
  }),
})

const ApplyActionEnum = enumType('ApplyAction', {
  description: 'Effect of a document, or its effect without the dry run.',
  values: {
    CREATED: 'The image stream is created.',
    CONFIGURED: 'The image stream is changed.',
    UNCHANGED: 'The image stream already matches the document.',
    CONFLICT:
      'The document was not applied: the image stream was changed, created or deleted since the `metadata.resourceVersion` of the document was read. Read the image stream again, and apply the document with its new version.',
  },
})

const AppliedDocumentKindEnum = enumType('AppliedDocumentKind', {
  description: 'Kind of a document.',
  values: {
    ImageStream: 'Desired state of an image stream: labels, annotations and the whole spec.',
    ImageStreamImport: 'Images to import into an image stream now, as with `importImage`.',
  },
})

const AppliedDocumentType = objectType<AppliedResult>('AppliedDocument', {
  description: 'An applied document, and its effect.',
  properties: (t) => ({
    kind: t.one(AppliedDocumentKindEnum, 'Kind of the document.'),
    namespace: t.string('Namespace of the document’s image stream.'),
    name: t.string('Name of the document’s image stream.'),
    action: t.one(
      ApplyActionEnum,
      'Effect of the document, or the effect it would have if nothing is stored.',
    ),
    message: t.stringOrNull(
      'Why the document was not applied, with its line: for `CONFLICT`; null if it was applied.',
    ),
    imageStream: t.oneOrNull(
      ImageStreamType,
      'The image stream in its present state; null if the stream does not exist because nothing was stored.',
    ),
    import: t.oneOrNull(
      ImportType,
      'The import that the document started, in its state after the wait; null if there was nothing to import.',
    ),
    importedEntryCount: t.int(
      'Number of history entries that were imported to `reportedMoves`, or would be imported if nothing is stored; 0 without `importHistory`. Entries that this server observed or imported before are not imported again.',
    ),
    warnings: t.strings(
      'Parts of the document that were ignored, and names that an OpenShift cluster refuses, each with its path: `spec.tags[0].foo: …`. At most 100, and then the number of the others.',
    ),
    diff: t.string(
      'Changes with one line for each field, ordered by path: `- path: old` and `+ path: new`. Fields that the server sets are omitted, except for the number of history entries that are imported for each tag. Empty if nothing changes.',
    ),
  }),
  fields: (t) => ({ stoppedSources: t.field(stoppedSourcesField) }),
})

const SkippedDocumentType = objectType<SkippedDocument>('SkippedDocument', {
  description: 'A document of another kind, such as a Deployment, which was not applied.',
  properties: (t) => ({
    kind: t.string('Kind of the document, for example `Deployment`.'),
    name: t.stringOrNull('`metadata.name` of the document; null if it has none.'),
    position: t.int(
      'Number of the document in the text, from 1; the items of a `List` are counted one by one.',
    ),
    message: t.string('Why the document was skipped, and what to use instead.'),
  }),
})

/** Results of the documents, and the documents that were skipped. */
interface AppliedResults extends Pick<AppliedDocuments, 'skipped'> {
  readonly results: readonly AppliedResult[]
}

const ApplyImageStreamPayload = builder.objectRef<AppliedResults>('ApplyImageStreamPayload').implement({
  description: 'Effects of the documents.',
  fields: (t) => ({
    results: t.field({
      type: [AppliedDocumentType],
      description:
        'One result for each `ImageStream` and `ImageStreamImport`, in the order of the documents; at most 1,000.',
      complexity: { field: 1, multiplier: ESTIMATED_RESULTS },
      resolve: ({ results }) => results,
    }),
    skipped: t.field({
      type: [SkippedDocumentType],
      description:
        'Documents of other kinds, which were not applied, in the order of the documents; at most 1,000.',
      complexity: { field: 1, multiplier: ESTIMATED_RESULTS },
      resolve: ({ skipped }) => skipped,
    }),
  }),
})

/** Waits for the imports, then reads the image streams as one batch. */
async function resultsOf(
  documents: readonly AppliedDocument[],
  seconds: number,
  { viewer, importer, streams }: GraphQLContext,
): Promise<AppliedResult[]> {
  const imports = await Promise.all(
    documents.map(async ({ importId }) => {
      const finished = importId === null ? undefined : await importer.wait(importId, seconds)
      return finished ?? null
    }),
  )
  const found = documents.map(({ namespace, name }) => streams.byName(viewer, namespace, name) ?? null)
  batch(found.filter((stream) => stream !== null))
  return documents.map((document, at) => ({
    ...document,
    imageStream: found[at] ?? null,
    import: imports[at] ?? null,
  }))
}

mutation('applyImageStream', {
  description:
    'Creates or changes image streams from OpenShift documents in one transaction, and imports new images. If a document is invalid, none is applied. A document whose `metadata.resourceVersion` is outdated is not applied, and its result is `CONFLICT`; the others are. Documents of other kinds are `skipped`; `INVALID` if there is nothing to apply.',
  access: 'create',
  complexity: MUTATION_COMPLEXITY.documents,
  example: `
    # As "oc apply -f": creates or changes the streams of a file.
    mutation ApplyImageStream {
      applyImageStream(
        input: {
          documents: """
          apiVersion: image.openshift.io/v1
          kind: ImageStream
          metadata: { name: tools }
          spec:
            tags:
              - name: alpine
                from: { kind: DockerImage, name: "docker.io/library/ruby:alpine" }
          """
        }
      ) {
        results { namespace name action message diff }
      }
    }
  `,
  input: ApplyImageStreamInput,
  inputDescription: 'The documents.',
  payload: ApplyImageStreamPayload,
  resolve: async (input, context) => {
    const seconds = checkWait(input.waitSeconds)
    const { results, skipped } = context.applyDocuments(context.viewer, input)
    return { results: await resultsOf(results, seconds, context), skipped }
  },
})
