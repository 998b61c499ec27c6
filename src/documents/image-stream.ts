import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import type { ObjectReferenceInput, SpecTagInput } from '../imagestream/spec/spec.ts'
import { INSECURE_REPOSITORY, isSetByServer } from '../imagestream/spec/stream-annotations.ts'
import type { KeyValue } from '../input/key-values.ts'
import type { Fields } from './fields.ts'
import { keyValuesOf } from './key-value-fields.ts'
import { type DocumentSubject, parseSubject } from './metadata.ts'
import { splitPolicy } from './tag-policy.ts'

/** An OpenShift `ImageStream` without the metadata that servers set. Source: openshift/api image/v1 types.go. */
export interface StreamDocument extends DocumentSubject {
  readonly kind: 'ImageStream'
  readonly labels: readonly KeyValue[]
  readonly annotations: readonly KeyValue[]
  /** As it is in the document; null where it is missing. */
  readonly status: unknown
  readonly spec: {
    readonly dockerImageRepository: string | null
    /** An annotation in the document. */
    readonly insecure: boolean
    readonly lookupPolicy: { readonly local: boolean }
    readonly tags: readonly SpecTagInput[]
  }
}

export const IMPORT_MODES = ['Legacy', 'PreserveOriginal'] as const
const REFERENCE_POLICIES = ['Source', 'Local'] as const
const SOURCES = ['DockerImage', 'ImageStreamTag', 'ImageStreamImage'] as const

/** Parses an `ImageStream`; `importMode` is the import mode of tags without one. Throws InvalidInputError. */
export function parseStream(
  document: Fields,
  { namespace, importMode }: { readonly namespace: string | null; readonly importMode: ImportMode },
): StreamDocument {
  const { metadata, subject } = parseSubject(document, namespace)
  const labels = keyValuesOf(metadata, 'labels')
  const annotations = keyValuesOf(metadata, 'annotations')
  const spec = document.object('spec')
  const status = document.any('status')
  return {
    ...subject,
    kind: 'ImageStream',
    labels,
    annotations: annotations.filter((one) => !isSetByServer(one)),
    status,
    spec: {
      dockerImageRepository: spec?.string('dockerImageRepository') || null,
      insecure: annotations.some(({ key, value }) => key === INSECURE_REPOSITORY && value === 'true'),
      lookupPolicy: { local: spec?.object('lookupPolicy')?.flag('local') ?? false },
      tags: spec?.objects('tags').map((tag) => parseTag(tag, importMode)) ?? [],
    },
  }
}

function parseTag(tag: Fields, importMode: ImportMode): SpecTagInput {
  tag.ignore('generation')
  const from = tag.object('from')
  return {
    name: tag.required('name'),
    ...splitPolicy(tag, keyValuesOf(tag, 'annotations')),
    from: from && parseReference(from),
    reference: tag.flag('reference') ?? false,
    importPolicy: parseImportPolicy(tag.object('importPolicy'), importMode),
    referencePolicy: { type: parseReferencePolicy(tag) ?? 'Source' },
  }
}

const parseReference = (from: Fields): ObjectReferenceInput => ({
  kind: from.choice('kind', SOURCES) ?? from.fail('kind', `is missing: it must be ${SOURCES.join(' or ')}`),
  name: from.required('name'),
  namespace: from.string('namespace') || null,
})

const parseImportPolicy = (policy: Fields | null, importMode: ImportMode) => ({
  insecure: policy?.flag('insecure') ?? false,
  scheduled: policy?.flag('scheduled') ?? false,
  importMode: policy?.choice('importMode', IMPORT_MODES) ?? importMode,
})

/** Returns `referencePolicy.type`; null where it is missing. Throws InvalidInputError. */
export const parseReferencePolicy = (fields: Fields): 'Source' | 'Local' | null =>
  fields.object('referencePolicy')?.choice('type', REFERENCE_POLICIES) ?? null
