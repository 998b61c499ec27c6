import { onStream, onTag } from '../../access/audit/audit-entry.ts'
import { requireInNamespace, requireRight, type Viewer } from '../../access/right/viewer.ts'
import { NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { type ImportImageInput, importOptions, planImportImage } from './import-image-plan.ts'
import {
  type CommandDependencies,
  plannedStream,
  readTarget,
  requirePlanned,
  writeTarget,
} from './write-target.ts'

/**
 * Writes the source into the spec, where the input has one, and requests the import of that part of the spec. Returns the
 * id of the import. Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest;
 * then nothing is written.
 */
export type ImportImageCommand = ReturnType<typeof createImportImage>

export const createImportImage =
  (dependencies: CommandDependencies) =>
  (viewer: Viewer, input: ImportImageInput): number => {
    const { db, audit, streams, writer, importer, importMode } = dependencies
    const { namespace, imageStream: name, resourceVersion } = input
    requireRight(viewer, 'import', { namespace, name })
    checkNamespace(namespace)
    checkStreamName(namespace, name, 'imageStream')
    if (!input.confirm && !streams.byName(viewer, namespace, name)) {
      throw new NotFoundError(`there is no image stream ${namespace}/${name}; confirm: true creates it`)
    }
    const target = readTarget(dependencies, viewer, { namespace, name, resourceVersion })
    const { spec, request } = planImportImage(target.spec, input, importMode)
    // the option of one import, which the spec does not store
    if (request.insecure) requireInNamespace(viewer, 'credentials', namespace)
    if (input.dryRun) {
      requirePlanned(viewer, target, spec)
      // the planned spec keeps its generation: options that it does not store apply to this import alone
      return importer.dryRun(plannedStream(target, spec), { ...request, ...importOptions(input) })
    }
    return db.transact((tx) => {
      const { stream } = writeTarget(tx, viewer, { writer, target }, { spec, fieldOf: () => 'from' })
      audit.record(tx, viewer, auditedImport(input))
      return importer.request(tx, stream.id, request)
    })
  }

function auditedImport({ tag, from, all, ...input }: ImportImageInput) {
  const details = { ...(from != null && { from }), ...(all && { all }) }
  return tag == null
    ? onStream('importImage', { namespace: input.namespace, name: input.imageStream }, details)
    : onTag('importImage', { ...input, tag }, details)
}
