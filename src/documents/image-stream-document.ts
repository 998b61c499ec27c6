import { inBatches } from '../concurrency/yielding.ts'
import type { Images } from '../imagestream/image/images.ts'
import type { ImageStream, SpecTag, SpecTagContent } from '../imagestream/spec/spec.ts'
import {
  INSECURE_REPOSITORY,
  REPOSITORY_CHECK,
  STREAM_CONDITIONS,
} from '../imagestream/spec/stream-annotations.ts'
import type { Streams } from '../imagestream/stream/stream.ts'
import type { StreamCondition, StreamConditions } from '../imagestream/stream/stream-conditions.ts'
import type { Tag, Tags } from '../imagestream/tag/tag.ts'
import type { TagCondition } from '../imagestream/tag/tag-event.ts'
import { type KeyValue, readKeyValues } from '../input/key-values.ts'
import { groupBy } from '../input/maps.ts'
import type { PageKey } from '../input/page.ts'
import type { TagName } from '../oci/tag.ts'
import { exportWarnings } from './cluster-names.ts'
import { inParts, jsonParts, PART, type Parts, partsOf, yamlParts } from './document-text.ts'
import { shortList } from './report.ts'
import { withPolicy } from './tag-policy.ts'

/** Reads that the document of a stream needs. */
export interface DocumentSources {
  readonly streams: Streams
  readonly streamConditions: Pick<StreamConditions, 'ofStreams'>
  readonly tags: Tags
  readonly images: Images
  /** Returns `status.dockerImageRepository` of a stream: the repository to pull its images from. */
  readonly pullRepository: (stream: ImageStream) => string
}

/**
 * Returns a stream as an OpenShift ImageStream document, with the keys in the order of `oc get -o json`. Its tags are read while
 * it is written.
 * Source: openshift/api image/v1 types.go.
 */
function imageStreamDocument(stream: ImageStream, sources: DocumentSources): object {
  const { streamConditions, pullRepository } = sources
  const conditions = streamConditions.ofStreams([stream.id]).get(stream.id) ?? []
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: {
      ...withEntries('annotations', [...annotationsOf(stream), ...conditionsAnnotation(conditions)]),
      creationTimestamp: timestamp(stream.createdAt),
      generation: stream.generation,
      ...withEntries('labels', readKeyValues(stream.labels)),
      name: stream.name,
      namespace: stream.namespace,
      resourceVersion: String(stream.resourceVersion),
      uid: stream.uid,
    },
    spec: {
      ...(stream.dockerImageRepository !== null && { dockerImageRepository: stream.dockerImageRepository }),
      lookupPolicy: { local: Boolean(stream.lookupLocal) },
      ...withList('tags', partsOf(specTagParts(stream, sources))),
    },
    status: {
      dockerImageRepository: pullRepository(stream),
      ...withList('tags', partsOf(statusTagParts(stream, sources))),
    },
  }
}

/** Yields the document as JSON, in parts of bounded work. */
export const documentJson = (stream: ImageStream, sources: DocumentSources): Generator<string> =>
  jsonParts(imageStreamDocument(stream, sources))

/** Returns what an OpenShift cluster refuses in the document, each with its path: `metadata.name: …`, and the number of more. */
export const documentWarnings = (
  stream: ImageStream,
  { streams }: Pick<DocumentSources, 'streams'>,
): string[] => shortList(exportWarnings(stream, streams.specTags([stream.id])))

/** Yields the document as YAML, after its warnings as comments, in parts of bounded work. */
export function* documentYaml(stream: ImageStream, sources: DocumentSources): Generator<string> {
  yield comments(documentWarnings(stream, sources))
  yield* yamlParts(imageStreamDocument(stream, sources))
}

/** Returns streams as one `List`, with the keys in the order of `oc get -o json`. */
const listDocument = (streams: readonly ImageStream[], sources: DocumentSources): object => ({
  apiVersion: 'v1',
  items: partsOf(documentParts(streams, sources)) ?? [],
  kind: 'List',
  metadata: { resourceVersion: '' },
})

function* documentParts(streams: readonly ImageStream[], sources: DocumentSources): Generator<object[]> {
  for (const stream of streams) yield [imageStreamDocument(stream, sources)]
}

/** Yields the documents of streams as one `List` in JSON, in parts of bounded work. */
export const listJson = (streams: readonly ImageStream[], sources: DocumentSources): Generator<string> =>
  jsonParts(listDocument(streams, sources))

/** Yields them as one `List` in YAML, after their warnings as comments. */
export function* listYaml(streams: readonly ImageStream[], sources: DocumentSources): Generator<string> {
  for (const [at, stream] of streams.entries()) {
    yield comments(documentWarnings(stream, sources).map((warning) => `items[${at}].${warning}`))
  }
  yield* yamlParts(listDocument(streams, sources))
}

const comments = (warnings: readonly string[]): string => warnings.map((warning) => `# ${warning}\n`).join('')

/** Returns a stream's annotations, with those that the server sets. */
export function annotationsOf({ annotations, insecure, repositoryCheck }: ImageStream): KeyValue[] {
  return [
    ...readKeyValues(annotations),
    ...(insecure ? [{ key: INSECURE_REPOSITORY, value: 'true' }] : []),
    ...(repositoryCheck === null ? [] : [{ key: REPOSITORY_CHECK, value: repositoryCheck }]),
  ]
}

const conditionsAnnotation = (conditions: readonly StreamCondition[]): KeyValue[] =>
  conditions.length === 0
    ? []
    : [{ key: STREAM_CONDITIONS, value: JSON.stringify(conditions.map(conditionDocument)) }]

const storedTagDocument = (tag: SpecTag): object => {
  const { annotations, from, ...rest } = specTagDocument(tag.name, tag)
  return { annotations, ...(from && { from }), generation: tag.generation, ...rest }
}

/** Returns the document of a spec tag without the fields that the server sets. */
export function specTagDocument(name: TagName, tag: SpecTagContent) {
  const { fromKind, fromName, fromNamespace, importMode } = tag
  const annotations = withPolicy(readKeyValues(tag.annotations), tag)
  const from = { kind: fromKind, name: fromName, ...(fromNamespace !== null && { namespace: fromNamespace }) }
  const options = { ...(tag.insecure && { insecure: true }), ...(tag.scheduled && { scheduled: true }) }
  return {
    annotations: annotations.length > 0 ? toObject(annotations) : null,
    ...(fromKind !== null && { from }),
    importPolicy: { importMode, ...options },
    name,
    ...(tag.reference && { reference: true }),
    referencePolicy: { type: tag.referencePolicy },
  }
}

function* specTagParts({ id }: ImageStream, { streams }: DocumentSources): Generator<object[]> {
  for (const part of inBatches(streams.specTags([id]), PART)) yield part.map(storedTagDocument)
}

function* statusTagParts({ id }: ImageStream, { tags, images }: DocumentSources): Generator<object[]> {
  for (let after: PageKey | undefined; ; ) {
    const part = tags.ofStreams([id], { order: 'NAME', page: { limit: PART, peek: false, after } })
    const last = part.at(-1)
    if (!last) return
    yield statusTags(part, { tags, images })
    after = [last.name]
  }
}

function statusTags(
  part: readonly Tag[],
  { tags, images }: Pick<DocumentSources, 'tags' | 'images'>,
): object[] {
  const ids = part.map(({ id }) => id)
  const events = tags.events(ids, { limit: Number.MAX_SAFE_INTEGER - 1 })
  const known = images.byIds([...new Set(events.map(({ imageId }) => imageId))])
  const eventsOf = groupBy(events, ({ tagId }) => tagId)
  const conditionsOf = groupBy(tags.conditions(ids), ({ tagId }) => tagId)
  return part.map(({ id, name }) => {
    const items = eventsOf.get(id)?.map(({ createdAt, dockerImageReference, generation, imageId }) => {
      const image = known.get(imageId)?.digest
      return { created: timestamp(createdAt), dockerImageReference, generation, image }
    })
    const conditions = conditionsOf.get(id)?.map(conditionDocument)
    // Go marshals an empty list as null, or leaves it out, depending on the field
    return { ...withList('conditions', conditions), items: items ? inParts(items) : null, tag: name }
  })
}

const conditionDocument = (condition: TagCondition | StreamCondition): object => {
  const { generation, lastTransitionTime, message, reason, status, type } = condition
  return { generation, lastTransitionTime: timestamp(lastTransitionTime), message, reason, status, type }
}

/** Formats a time as Kubernetes does, in whole seconds. */
const timestamp = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`

/** Returns the entries as an object, in the order of their keys as Go marshals it. */
export const toObject = (entries: readonly KeyValue[]): Record<string, string> =>
  Object.fromEntries(
    entries.map(({ key, value }) => [key, value] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  )
const withEntries = (name: string, entries: readonly KeyValue[]) =>
  entries.length > 0 ? { [name]: toObject(entries) } : {}
const withList = (name: string, list: readonly object[] | Parts | undefined) => (list ? { [name]: list } : {})
