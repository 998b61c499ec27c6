import { stringify } from 'yaml'
import type { Images } from '../imagestream/image/images.ts'
import type { ImageStream, SpecTag, SpecTagContent } from '../imagestream/spec/spec.ts'
import {
  INSECURE_REPOSITORY,
  REPOSITORY_CHECK,
  STREAM_CONDITIONS,
} from '../imagestream/spec/stream-annotations.ts'
import type { Streams } from '../imagestream/stream/stream.ts'
import type { StreamCondition, StreamConditions } from '../imagestream/stream/stream-conditions.ts'
import type { Tags } from '../imagestream/tag/tag.ts'
import type { TagCondition } from '../imagestream/tag/tag-event.ts'
import { type KeyValue, readKeyValues } from '../input/key-values.ts'
import { groupBy } from '../input/maps.ts'
import type { TagName } from '../oci/tag.ts'
import { exportWarnings } from './cluster-names.ts'
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
 * Returns a stream as an OpenShift ImageStream document, with the keys in the order of `oc get -o json`.
 * Source: openshift/api image/v1 types.go.
 */
export function imageStreamDocument(stream: ImageStream, sources: DocumentSources): object {
  const { streams, streamConditions, pullRepository } = sources
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
      ...withList('tags', streams.specTags([stream.id]).map(storedTagDocument)),
    },
    status: {
      dockerImageRepository: pullRepository(stream),
      ...withList('tags', statusTags(stream, sources)),
    },
  }
}

export const documentJson = (stream: ImageStream, sources: DocumentSources): string =>
  jsonOf(imageStreamDocument(stream, sources))

/** Returns what an OpenShift cluster refuses in the document, each with its path: `metadata.name: …`, and the number of more. */
export const documentWarnings = (
  stream: ImageStream,
  { streams }: Pick<DocumentSources, 'streams'>,
): string[] => shortList(exportWarnings(stream, streams.specTags([stream.id])))

/** Returns the document as YAML, after its warnings as comments. */
export const documentYaml = (stream: ImageStream, sources: DocumentSources): string =>
  yamlOf(imageStreamDocument(stream, sources), documentWarnings(stream, sources))

/** Returns documents as one `List`, with the keys in the order of `oc get -o json`. */
const listDocument = (items: readonly object[]): object => ({
  apiVersion: 'v1',
  items,
  kind: 'List',
  metadata: { resourceVersion: '' },
})

/** Returns documents as one `List` in JSON. */
export const listJson = (items: readonly object[]): string => jsonOf(listDocument(items))

/** Returns documents as one `List` in YAML, after their warnings as comments. */
export const listYaml = (items: readonly object[], warnings: readonly string[]): string =>
  yamlOf(listDocument(items), warnings)

const jsonOf = (document: object): string => `${JSON.stringify(document, null, 4)}\n`

const yamlOf = (document: object, warnings: readonly string[]): string =>
  warnings.map((warning) => `# ${warning}\n`).join('') +
  stringify(document, {
    // the version that oc and kubectl read, in which `on` and `1:30` are quoted
    version: '1.1',
    indentSeq: false,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })

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

function statusTags(stream: ImageStream, { tags, images }: DocumentSources): object[] {
  const all = tags.ofStreams([stream.id], { order: 'NAME', page: { limit: Number.MAX_SAFE_INTEGER - 1 } })
  const ids = all.map(({ id }) => id)
  const events = tags.events(ids, { limit: Number.MAX_SAFE_INTEGER - 1 })
  const known = images.byIds([...new Set(events.map(({ imageId }) => imageId))])
  const eventsOf = groupBy(events, ({ tagId }) => tagId)
  const conditionsOf = groupBy(tags.conditions(ids), ({ tagId }) => tagId)
  return all.map(({ id, name }) => {
    const items = eventsOf.get(id)?.map(({ createdAt, dockerImageReference, generation, imageId }) => {
      const image = known.get(imageId)?.digest
      return { created: timestamp(createdAt), dockerImageReference, generation, image }
    })
    const conditions = (conditionsOf.get(id) ?? []).map(conditionDocument)
    // Go marshals an empty list as null, or leaves it out, depending on the field
    return { ...withList('conditions', conditions), items: items ?? null, tag: name }
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
const withList = (name: string, list: readonly object[]) => (list.length > 0 ? { [name]: list } : {})
