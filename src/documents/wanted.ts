import { decide } from '../imagestream/commands/import-image.ts'
import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import type { ImportRequest } from '../imagestream/request/import-plan.ts'
import { changeSpec } from '../imagestream/spec/change-spec.ts'
import type { ImageStream, Spec } from '../imagestream/spec/spec.ts'
import { ConflictError } from '../input/errors.ts'
import { type KeyValue, readKeyValues } from '../input/key-values.ts'
import type { TagName } from '../oci/tag.ts'
import type { Wanted } from './diff.ts'
import type { StreamDocument } from './image-stream.ts'
import type { ImportDocument } from './image-stream-import.ts'

/** What a document is applied to; where there is no stream yet, its spec is empty. */
export interface Target {
  readonly stream: ImageStream | undefined
  readonly spec: Spec
  /** How streams import that do not say. */
  readonly importMode: ImportMode
}

/**
 * The stream as an `ImageStream` document wants it: labels, annotations and spec as a whole. Only what such documents
 * have no place for stays: how the repository is imported. Throws InvalidInputError.
 */
export function wantedByStream(document: StreamDocument, { stream, spec, importMode }: Target): Wanted {
  const { namespace, name, labels, annotations, report } = document
  const { insecure, ...wanted } = document.spec
  const importPolicy = { insecure, scheduled: Boolean(spec.scheduled), importMode: spec.importMode }
  const changed = report.checked(() => changeSpec(spec, { ...wanted, importPolicy }, importMode))
  const tags = [...changed.tags].map(([tag, content]) => {
    const notes = readKeyValues(content.annotations)
    return [tag, { ...content, annotations: inOldOrder(spec.tags.get(tag)?.annotations, notes) }] as const
  })
  return {
    namespace,
    name,
    labels: inOldOrder(stream?.labels, labels),
    annotations: inOldOrder(stream?.annotations, annotations),
    spec: { ...changed, tags: new Map(tags) },
  }
}

/** The stream as an `ImageStreamImport` makes it, and what it imports. Throws InvalidInputError. */
export function wantedByImport(
  { namespace, name, imports, report }: ImportDocument,
  { stream, spec, importMode }: Target,
): { readonly wanted: Wanted; readonly request: ImportRequest } {
  let wanted = spec
  let repository = false
  const tags = new Set<TagName>()
  for (const { input, pathOf } of imports) {
    const decision = report.checked(() => decide(wanted, input, importMode), pathOf)
    wanted = decision.spec
    repository ||= decision.request.repository
    // of a wish with `from` it is always a list
    if (decision.request.specTags !== 'all') for (const tag of decision.request.specTags) tags.add(tag)
  }
  const { labels = '[]', annotations = '[]' } = stream ?? {}
  return {
    wanted: { namespace, name, labels, annotations, spec: wanted },
    request: { repository, specTags: [...tags], repositoryTags: [] },
  }
}

/**
 * Throws ConflictError where the document was made from another version of the stream. Its `resourceVersion` counts
 * unless it is one of another object: an export of another cluster, or of a stream that was deleted since.
 */
export function checkVersion(
  document: StreamDocument | ImportDocument,
  stream: ImageStream | undefined,
): void {
  const { namespace, name, uid, resourceVersion, report } = document
  if (resourceVersion === null || (uid !== null && uid !== stream?.uid)) return
  if (resourceVersion === String(stream?.resourceVersion)) return
  const stands = stream ? `is at resourceVersion ${stream.resourceVersion}` : 'does not exist'
  const message = `${namespace}/${name} ${stands}, and the document is of ${resourceVersion}: read it again`
  throw new ConflictError(report.located(['metadata', 'resourceVersion'], message))
}

// JSON and YAML say nothing of the order, so that another one is no change
function inOldOrder(old: string | undefined, entries: readonly KeyValue[]): string {
  const isSame = old !== undefined && sorted(readKeyValues(old)) === sorted(entries)
  return isSame ? old : JSON.stringify(entries)
}

const sorted = (entries: readonly KeyValue[]): string =>
  JSON.stringify(entries.map(({ key, value }) => [key, value]).sort())
