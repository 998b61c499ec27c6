import { planImportImage } from '../imagestream/commands/import-image-plan.ts'
import { newestVersion, type WriteTarget } from '../imagestream/commands/write-target.ts'
import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import { changeSpec } from '../imagestream/spec/change-spec.ts'
import type { ImageStream, Spec } from '../imagestream/spec/spec.ts'
import type { ImportRequest } from '../imagestream/stored-import/import-plan.ts'
import { type KeyValue, readKeyValues } from '../input/key-values.ts'
import type { TagName } from '../oci/tag.ts'
import type { StreamDocument } from './image-stream.ts'
import type { ImportDocument } from './image-stream-import.ts'

/** The part of a stream that clients write, as it is stored. */
export interface DesiredStream extends Pick<ImageStream, 'namespace' | 'name' | 'labels' | 'annotations'> {
  readonly spec: Spec
}

type Target = Pick<WriteTarget, 'stream' | 'spec'>

/**
 * Returns the stream that an `ImageStream` document describes: labels, annotations and spec as a whole. Only the import
 * policy of the repository stays, as such documents have no field for it. Throws InvalidInputError.
 */
export function desiredByStream(
  document: StreamDocument,
  { stream, spec }: Target,
  importMode: ImportMode,
): DesiredStream {
  const { namespace, name, labels, annotations, report } = document
  const { insecure, ...desired } = document.spec
  const importPolicy = { insecure, scheduled: Boolean(spec.scheduled), importMode: spec.importMode }
  const changed = report.checked(() => changeSpec(spec, { ...desired, importPolicy }, importMode))
  const tags = [...changed.tags].map(([tag, content]) => {
    const entries = readKeyValues(content.annotations)
    return [tag, { ...content, annotations: inOldOrder(spec.tags.get(tag)?.annotations, entries) }] as const
  })
  return {
    namespace,
    name,
    labels: inOldOrder(stream?.labels, labels),
    annotations: inOldOrder(stream?.annotations, annotations),
    spec: { ...changed, tags: new Map(tags) },
  }
}

/** Returns the stream after an `ImageStreamImport`, and the import that it requests. Throws InvalidInputError. */
export function desiredByImport(
  { namespace, name, imports, report }: ImportDocument,
  { stream, spec: old }: Target,
  importMode: ImportMode,
): { readonly desired: DesiredStream; readonly request: ImportRequest } {
  let spec = old
  let repository = false
  const tags = new Set<TagName>()
  for (const { input, pathOf } of imports) {
    const plan = report.checked(() => planImportImage(spec, input, importMode), pathOf)
    spec = plan.spec
    repository ||= plan.request.repository
    // a list, as each input has `from`
    if (plan.request.specTags !== 'all') for (const tag of plan.request.specTags) tags.add(tag)
  }
  const { labels = '[]', annotations = '[]' } = stream ?? {}
  return {
    desired: { namespace, name, labels, annotations, spec },
    request: { repository, specTags: [...tags], repositoryTags: [] },
  }
}

/**
 * Returns why a document that was made from another version of the stream is not applied; null where it may be. Its
 * `resourceVersion` is ignored where its `uid` is another one's: an export of another cluster, or of a stream that was
 * deleted.
 */
export function versionConflict(
  document: StreamDocument | ImportDocument,
  stream: ImageStream | undefined,
): string | null {
  const { namespace, name, uid, resourceVersion, report } = document
  if (resourceVersion === null || (uid !== null && uid !== stream?.uid)) return null
  if (resourceVersion === String(stream?.resourceVersion)) return null
  const message = `${namespace}/${name} ${newestVersion(stream)}, and the document has ${resourceVersion}: read it again`
  return report.located(['metadata', 'resourceVersion'], message)
}

// in JSON and YAML objects the order has no meaning, so another order is no change
function inOldOrder(old: string | undefined, entries: readonly KeyValue[]): string {
  const isSame = old !== undefined && sorted(readKeyValues(old)) === sorted(entries)
  return isSame ? old : JSON.stringify(entries)
}

const sorted = (entries: readonly KeyValue[]): string =>
  JSON.stringify(entries.map(({ key, value }) => [key, value]).sort())
