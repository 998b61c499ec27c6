import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { imagine, NOBODY } from '../imagestream/commands/import-image.ts'
import type { SpecChange, StreamWriter } from '../imagestream/commands/write-stream.ts'
import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import { type Importer, KEPT_DRY_RUNS } from '../imagestream/import/import.ts'
import type { ImportRequest } from '../imagestream/request/import-plan.ts'
import { emptySpec } from '../imagestream/spec/change-spec.ts'
import type { Streams } from '../imagestream/stream/stream.ts'
import { InvalidInputError } from '../input/errors.ts'
import { readKeyValues } from '../input/key-values.ts'
import { checkNamespace } from '../input/names.ts'
import { diffWanted, type Wanted } from './diff.ts'
import { type ParsedDocument, parseDocuments } from './parse.ts'
import { checkVersion, type Target, wantedByImport, wantedByStream } from './wanted.ts'

export interface ApplyDocuments {
  /** JSON or YAML text. */
  readonly manifest: string
  /** Of the documents that name none. */
  readonly namespace: string
  /** Writes nothing, and says what would be. */
  readonly dryRun: boolean
}

/** What became of one document, or in a dry run would. */
export interface AppliedDocument {
  readonly kind: ParsedDocument['kind']
  readonly namespace: string
  readonly name: string
  readonly action: 'CREATED' | 'CONFIGURED' | 'UNCHANGED'
  /** The import that was begun. */
  readonly importId: number | null
  readonly warnings: readonly string[]
  readonly diff: string
}

/**
 * All documents of a manifest in their order and in one transaction, with the imports that they begin.
 * Throws InvalidInputError that names document, line and field; ConflictError where a document's `resourceVersion` is
 * not the newest; NotFoundError. Then nothing is written.
 */
export type ApplyDocumentsCommand = (input: ApplyDocuments) => AppliedDocument[]

export interface ApplyDocumentsDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: StreamWriter
  readonly importer: Importer
  /** How streams import that do not say. */
  readonly importMode: ImportMode
}

/** One document, applied inside the transaction. */
interface Step {
  readonly applied: AppliedDocument
  /** Begins to fetch without storing, once the transaction is over; gives the import's id. */
  readonly dryRun: (() => number) | null
}

export function createApplyDocuments(dependencies: ApplyDocumentsDependencies): ApplyDocumentsCommand {
  const { db, streams, writer, importer, importMode } = dependencies

  const write = (tx: Transaction, { stream }: Target, { spec, ...metadata }: Wanted): SpecChange => {
    if (stream) return writer.writeSpec(tx, stream, spec, { metadata })
    const labels = readKeyValues(metadata.labels)
    const annotations = readKeyValues(metadata.annotations)
    return writer.insert(tx, { ...metadata, labels, annotations }, spec)
  }

  const dryRunOf =
    ({ namespace, name, spec }: Wanted, old: Target['spec'], request: ImportRequest) =>
    (): number => {
      // as it stands now: what a dry run wrote is undone
      const base = streams.byName(namespace, name) ?? NOBODY
      // raised as by a write, so that nothing counts as fetched that was fetched in another way
      const generation = base.generation + 1
      const isSame =
        spec.dockerImageRepository === old.dockerImageRepository && spec.importMode === old.importMode
      const stream = {
        ...base,
        generation,
        repositoryGeneration: isSame ? base.repositoryGeneration : generation,
      }
      return importer.dryRun(imagine(stream, { namespace, imageStream: name }, spec), request)
    }

  const begin = (tx: Transaction, { stream, repository, specTags }: SpecChange): number | null =>
    repository || specTags.length > 0
      ? importer.request(tx, stream.id, { repository, specTags, repositoryTags: [] })
      : null

  const apply = (tx: Transaction, document: ParsedDocument, dryRun: boolean): Step => {
    const { kind, namespace, name, report } = document
    const stream = streams.byName(namespace, name)
    const target = { stream, spec: stream ? streams.spec(stream) : emptySpec(importMode), importMode }
    checkVersion(document, stream)
    const { wanted, request } =
      kind === 'ImageStream'
        ? { wanted: wantedByStream(document, target), request: null }
        : wantedByImport(document, target)
    const diff = diffWanted(stream ? { ...stream, spec: target.spec } : null, wanted)
    const stores = kind === 'ImageStream' || document.stores
    const change = stores && diff !== '' ? report.checked(() => write(tx, target, wanted)) : null
    const written = change?.stream ?? stream

    let importId: number | null = null
    if (stores && !dryRun) {
      if (request && written) importId = importer.request(tx, written.id, request)
      else if (change) importId = begin(tx, change)
    }
    const action = diff === '' ? 'UNCHANGED' : stream ? 'CONFIGURED' : 'CREATED'
    return {
      applied: { kind, namespace, name, action, importId, warnings: report.warnings, diff },
      dryRun: request && (dryRun || !stores) ? dryRunOf(wanted, target.spec, request) : null,
    }
  }

  return ({ manifest, namespace, dryRun }) => {
    checkNamespace(namespace)
    const documents = parseDocuments(manifest, { namespace, importMode })
    refuseManyDryRuns(documents, dryRun)
    const all = (tx: Transaction): Step[] => documents.map((document) => apply(tx, document, dryRun))
    const steps = dryRun ? rehearse(db, all) : db.transact(all)
    return steps.map((step) => (step.dryRun ? { ...step.applied, importId: step.dryRun() } : step.applied))
  }
}

/** The result of a transaction that is undone: whatever a real one would refuse, it does. */
function rehearse<Result>(db: Database, write: (tx: Transaction) => Result): Result {
  let done: { readonly result: Result } | undefined
  const undo = new Error('undone, as a dry run is')
  try {
    return db.transact((tx) => {
      done = { result: write(tx) }
      throw undo
    })
  } catch (error) {
    if (error !== undo || !done) throw error
    return done.result
  }
}

function refuseManyDryRuns(documents: readonly ParsedDocument[], dryRun: boolean): void {
  const count = documents.filter((one) => one.kind === 'ImageStreamImport' && (dryRun || !one.stores)).length
  if (count > KEPT_DRY_RUNS) {
    throw new InvalidInputError(
      'manifest',
      `${count} imports are to be fetched without being stored; at most ${KEPT_DRY_RUNS} can be at a time`,
    )
  }
}
