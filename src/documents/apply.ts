import { onStream } from '../access/audit/audit-entry.ts'
import { requireRight, sees, type Viewer } from '../access/right/viewer.ts'
import type { Transaction } from '../db/transact.ts'
import { transactUnlessDry } from '../imagestream/commands/dry-run.ts'
import { createStoppedSources, type StoppedSource } from '../imagestream/commands/stopped-sources.ts'
import { importChange } from '../imagestream/commands/write-spec.ts'
import {
  type CommandDependencies,
  plannedStream,
  readTarget,
  requirePlanned,
  type WriteTarget,
  writeTarget,
} from '../imagestream/commands/write-target.ts'
import { KEPT_DRY_RUNS } from '../imagestream/import/dry-runs.ts'
import type { ImportRequest } from '../imagestream/stored-import/import-plan.ts'
import { InvalidInputError } from '../input/errors.ts'
import { checkNamespace } from '../input/names.ts'
import { type DesiredStream, desiredByImport, desiredByStream, versionConflict } from './desired-stream.ts'
import { streamDiff } from './diff.ts'
import { createHistoryImports, type HistoryImportDependencies } from './import-history.ts'
import type { SkippedDocument } from './other-kinds.ts'
import { type ParsedDocument, parseDocuments } from './parse.ts'

export interface ApplyDocumentsInput {
  /** JSON or YAML text. */
  readonly documents: string
  /** Namespace of documents without one; `default` if it is left out. */
  readonly namespace?: string | null | undefined
  /** Imports the histories of tags in the documents' status, as reported; by default they are ignored with a warning. */
  readonly importHistory?: boolean
  /** Reports the changes without writing anything. */
  readonly dryRun: boolean
}

/** Result of one document, or of its dry run. */
export interface AppliedDocument {
  readonly kind: ParsedDocument['kind']
  readonly namespace: string
  readonly name: string
  /** `CONFLICT`: the `resourceVersion` of the document is not the newest, and the document was not applied. */
  readonly action: 'CREATED' | 'CONFIGURED' | 'UNCHANGED' | 'CONFLICT'
  /** Why the document was not applied; null if it was. */
  readonly message: string | null
  /** The import that was requested. */
  readonly importId: number | null
  /** Number of entries of histories that are imported. */
  readonly importedEntryCount: number
  readonly warnings: readonly string[]
  /** Sources that are no longer followed. */
  readonly stoppedSources: readonly StoppedSource[]
  readonly diff: string
}

/** The results of a text, and its documents of other kinds. */
export interface AppliedDocuments {
  readonly results: readonly AppliedDocument[]
  readonly skipped: readonly SkippedDocument[]
}

/**
 * Applies the documents of a text in their order and in one transaction, with the imports that they request. A document
 * whose `resourceVersion` is not the newest is left out, with the result `CONFLICT`.
 * Throws InvalidInputError that names the document, the line and the field; ConflictError and NotFoundError of its content;
 * ForbiddenError and UnauthenticatedError, also of a dry run, whose diff has what the stream contains.
 * Then nothing is written.
 */
export type ApplyDocumentsCommand = (viewer: Viewer, input: ApplyDocumentsInput) => AppliedDocuments

type ApplyOptions = Pick<ApplyDocumentsInput, 'importHistory' | 'dryRun'>

/** A document that was applied inside the transaction. */
interface Step {
  readonly applied: AppliedDocument
  /** Starts an import that stores nothing, after the transaction, and returns its id. */
  readonly dryRun: (() => number) | null
}

export function createApplyDocuments(
  dependencies: CommandDependencies & HistoryImportDependencies,
): ApplyDocumentsCommand {
  const { db, audit, streams, tags, writer, importer, importMode } = dependencies
  const stoppedBetween = createStoppedSources(tags)
  const historyOf = createHistoryImports(dependencies)

  const dryRunOf =
    (viewer: Viewer, desired: DesiredStream, old: WriteTarget['spec'], request: ImportRequest) =>
    (): number => {
      const { namespace, name, spec } = desired
      // read again: the writes of a dry run were undone
      const stream = streams.byName(viewer, namespace, name)
      // raised as by a write, so that images that were imported with other options are fetched again
      const generation = (stream?.generation ?? 1) + 1
      const isSame =
        spec.dockerImageRepository === old.dockerImageRepository && spec.importMode === old.importMode
      const repositoryGeneration = isSame ? (stream?.repositoryGeneration ?? 1) : generation
      const planned = plannedStream({ namespace, name, stream }, spec, { generation, repositoryGeneration })
      return importer.dryRun(planned, request)
    }

  const apply = (
    tx: Transaction,
    viewer: Viewer,
    document: ParsedDocument,
    { importHistory = false, dryRun }: ApplyOptions,
  ): Step => {
    const { kind, namespace, name, report } = document
    checkRights(viewer, document)
    const target = withAllTags(readTarget(dependencies, viewer, { namespace, name }))
    requireRight(viewer, target.stream ? 'tag' : 'create', target)
    const conflict = versionConflict(document, target.stream)
    if (conflict !== null) return { applied: notApplied(document, conflict), dryRun: null }
    const { desired, request } =
      kind === 'ImageStream'
        ? { desired: desiredByStream(document, target, importMode), request: null }
        : desiredByImport(document, target, importMode)
    const difference = streamDiff(target.stream ? { ...target.stream, spec: target.spec } : null, desired)
    const history = historyOf(document, { streamId: target.stream?.id ?? null, importHistory })
    const diff = difference + history.diff
    const isStored = kind === 'ImageStream' || document.isStored
    const { spec, ...metadata } = desired
    const stoppedSources = target.stream ? stoppedBetween(target.stream.id, target.spec, spec) : []
    const change =
      isStored && difference !== ''
        ? report.checked(() => writeTarget(tx, viewer, { writer, target }, { spec, metadata }))
        : null
    if (!change && request) requirePlanned(viewer, target, spec)
    const written = change?.stream ?? target.stream
    if (written) history.store(tx, written.id)
    if (diff !== '') audit.record(tx, viewer, onStream('applyImageStream', document, { kind }))

    let importId: number | null = null
    if (isStored && !dryRun) {
      if (request && written) importId = importer.request(tx, written.id, request)
      else if (change) importId = importChange(tx, importer, change)
    }
    const action = diff === '' ? 'UNCHANGED' : target.stream ? 'CONFIGURED' : 'CREATED'
    return {
      applied: {
        kind,
        namespace,
        name,
        action,
        message: null,
        importId,
        importedEntryCount: history.entries,
        warnings: report.warnings,
        stoppedSources,
        diff,
      },
      dryRun: request && (dryRun || !isStored) ? dryRunOf(viewer, desired, target.spec, request) : null,
    }
  }

  return (viewer, { documents: text, namespace = null, ...options }) => {
    const { dryRun } = options
    if (namespace !== null) checkNamespace(namespace)
    const { documents, skipped } = parseDocuments(text, { namespace, importMode })
    refuseManyDryRuns(documents, dryRun)
    const steps = transactUnlessDry(db, dryRun, (tx) =>
      documents.map((document) => apply(tx, viewer, document, options)),
    )
    const results = steps.map(({ applied, dryRun: start }) =>
      start ? { ...applied, importId: start() } : applied,
    )
    return { results, skipped }
  }
}

/** Returns the target with all its spec tags, which a document replaces: they are read once. */
const withAllTags = (target: WriteTarget): WriteTarget => ({
  ...target,
  spec: { ...target.spec, tags: new Map(target.spec.tags) },
})

/** Throws unless the viewer may apply such a document to the stream, before anything depends on whether the stream exists. */
function checkRights(viewer: Viewer, document: ParsedDocument): void {
  if (!sees(viewer, document)) requireRight(viewer, 'create', document)
  if (document.kind === 'ImageStreamImport') requireRight(viewer, 'import', document)
}

/** Returns the result of a document that was made from another version of its stream. */
const notApplied = ({ kind, namespace, name, report }: ParsedDocument, message: string): AppliedDocument => ({
  kind,
  namespace,
  name,
  action: 'CONFLICT',
  message,
  importId: null,
  importedEntryCount: 0,
  warnings: report.warnings,
  stoppedSources: [],
  diff: '',
})

function refuseManyDryRuns(documents: readonly ParsedDocument[], dryRun: boolean): void {
  const count = documents.filter(
    (one) => one.kind === 'ImageStreamImport' && (dryRun || !one.isStored),
  ).length
  if (count > KEPT_DRY_RUNS) {
    throw new InvalidInputError(
      'documents',
      `${count} imports would be fetched without being stored: at most ${KEPT_DRY_RUNS} are allowed at a time`,
    )
  }
}
