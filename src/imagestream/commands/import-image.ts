import type { Database } from '../../db/open.ts'
import { checkReference, checkRepository } from '../../input/check-reference.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Importer } from '../import/import.ts'
import type { ImportRequest } from '../request/import-plan.ts'
import { emptySpec } from '../spec/change-spec.ts'
import { checkResourceVersion } from '../spec/resource-version.ts'
import {
  FOLLOWS_NONE,
  flag,
  type ImageStream,
  isImportable,
  type Spec,
  type SpecTag,
  type SpecTagContent,
} from '../spec/spec.ts'
import { choosesOfStream } from '../spec/spec-policy.ts'
import type { Streams } from '../stream/stream.ts'
import type { StreamWriter } from './write-stream.ts'

/** What `importImage` asks; null and undefined mean that nothing is said. */
export interface ImportImage {
  readonly namespace: string
  readonly imageStream: string
  /** One tag; without it whatever the spec says, or with `from` the tag of that reference. */
  readonly tag?: string | null | undefined
  /** Becomes the source of the tag, or with `all` of the stream. */
  readonly from?: string | null | undefined
  readonly all: boolean
  /** Creates the stream where there is none. */
  readonly confirm: boolean
  readonly dryRun: boolean
  /** Asks for each tag of the stream's repository, whatever a vendor's listing says. */
  readonly fullSweep?: boolean | null | undefined
  readonly scheduled?: boolean | null | undefined
  readonly insecure?: boolean | null | undefined
  readonly importMode?: ImportMode | null | undefined
  readonly referencePolicy?: 'Source' | 'Local' | null | undefined
  readonly resourceVersion?: string | null | undefined
}

export interface ImportImageDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: StreamWriter
  readonly importer: Importer
  /** How streams import that do not say. */
  readonly importMode: ImportMode
}

/**
 * The id of the import that was begun. Throws InvalidInputError, NotFoundError, ConflictError where the resource version is
 * not the newest; then nothing is written.
 */
export type ImportImageCommand = (input: ImportImage) => number

/** Writes into the spec what the request says of it, and begins an import of just that. */
export function createImportImage(dependencies: ImportImageDependencies): ImportImageCommand {
  const { db, streams, writer, importer, importMode } = dependencies

  return (input) => {
    checkNamespace(input.namespace)
    checkStreamName(input.namespace, input.imageStream, 'imageStream')
    const existing = streams.byName(input.namespace, input.imageStream)
    if (!existing && !input.confirm) {
      throw new NotFoundError(
        `there is no image stream ${input.namespace}/${input.imageStream}; confirm: true creates it`,
      )
    }
    const { namespace, imageStream: name, resourceVersion } = input
    checkResourceVersion({ namespace, name, resourceVersion }, existing)
    const old = existing ? streams.spec(existing) : emptySpec(importMode)
    const { spec, request } = decide(old, input, importMode)
    if (input.dryRun) {
      // what the spec would say counts as said for this import alone: its generation is not raised
      const once = { ...request, ...onlyNow(input) }
      return importer.dryRun(imagine(existing ?? NOBODY, input, spec), once)
    }
    return db.transact((tx) => {
      const { stream } = existing
        ? writer.writeSpec(tx, existing, spec)
        : writer.insert(tx, { namespace: input.namespace, name: input.imageStream }, spec)
      return importer.request(tx, stream.id, request)
    })
  }
}

/** The spec as it will be, and what is to be imported of it. */
export interface Decision {
  readonly spec: Spec
  readonly request: ImportRequest
}

/** What the request means for a stream of this spec. Throws InvalidInputError. */
export function decide(spec: Spec, input: ImportImage, importMode: ImportMode): Decision {
  const decision = decideSources(spec, input, importMode)
  if (!input.fullSweep) return decision
  if (!decision.request.repository) {
    throw new InvalidInputError(
      'fullSweep',
      'fullSweep asks for every tag of spec.dockerImageRepository, and this is an import of no whole repository: leave it out',
    )
  }
  return { ...decision, request: { ...decision.request, fullSweep: true } }
}

function decideSources(spec: Spec, input: ImportImage, importMode: ImportMode): Decision {
  const { from, all, tag } = input
  if (all && tag != null)
    throw new InvalidInputError('tag', 'give either one tag, or all: true for every tag')
  if (from != null && all) return decideRepository(spec, input, checkRepository(from, 'from'))
  if (from != null) return decideSource(spec, input, from, importMode)
  return tag == null ? decideEverything(spec, input) : decideTag(spec, input, checkTagName(tag))
}

const everything: ImportRequest = { repository: true, specTags: [], repositoryTags: [] }

/** `from` with `all`: the stream's repository, and how it is imported. */
function decideRepository(spec: Spec, input: ImportImage, dockerImageRepository: string): Decision {
  refuse(input, ['referencePolicy'], 'applies to one tag: leave it out with all: true')
  return { spec: { ...spec, dockerImageRepository, ...policyOf(spec, input) }, request: everything }
}

/** `from`: the source of one tag. */
function decideSource(spec: Spec, input: ImportImage, from: string, importMode: ImportMode): Decision {
  const reference = checkReference(from, 'from')
  const name = input.tag != null ? checkTagName(input.tag) : (reference.tag ?? ('latest' as TagName))
  const old = spec.tags.get(name)
  const base = old ?? { annotations: '[]', insecure: flag(false), scheduled: flag(false), importMode }
  const content: SpecTagContent = {
    annotations: base.annotations,
    fromKind: 'DockerImage',
    fromName: from,
    fromNamespace: null,
    policy: null,
    reference: flag(false),
    ...policyOf(base, input),
    // a policy that somebody chose for the tag outlives a change of its source
    referencePolicy: old?.referencePolicy ?? input.referencePolicy ?? 'Source',
  }
  return {
    spec: withTag(spec, name, content),
    request: { repository: false, specTags: [name], repositoryTags: [] },
  }
}

/** Neither tag nor `from`: whatever the spec says. */
function decideEverything(spec: Spec, input: ImportImage): Decision {
  const hasRepository = spec.dockerImageRepository !== null
  if (input.all && !hasRepository) {
    throw new InvalidInputError(
      'all',
      'the stream has no spec.dockerImageRepository: give the repository as "from"',
    )
  }
  if (!hasRepository && ![...spec.tags.values()].some(isImportable)) {
    throw new InvalidInputError(
      'imageStream',
      'the spec names nothing to import: give "from", or set spec.dockerImageRepository or a spec tag from a DockerImage',
    )
  }
  refuse(
    input,
    ['scheduled', 'referencePolicy'],
    'is part of the spec: give it with "from", or use updateImageStream',
  )
  return {
    spec,
    request: { repository: hasRepository, specTags: 'all', repositoryTags: [], ...onlyNow(input) },
  }
}

/** A tag without `from`: as its spec tag says, or else as the repository has it. */
function decideTag(spec: Spec, input: ImportImage, name: TagName): Decision {
  const old = spec.tags.get(name)
  if (old && isImportable(old)) {
    const content = {
      ...old,
      ...policyOf(old, input),
      ...(input.referencePolicy && { referencePolicy: input.referencePolicy }),
    }
    return {
      spec: withTag(spec, name, content),
      request: { repository: false, specTags: [name], repositoryTags: [] },
    }
  }
  if (old?.fromName != null) {
    throw new InvalidInputError(
      'tag',
      `the spec takes the tag "${name}" ${old.reference ? 'as a reference ' : ''}from ${old.fromKind} ${old.fromName}, which is not imported: give the image's reference as "from"`,
    )
  }
  if (old && choosesOfStream(old)) {
    throw new InvalidInputError(
      'tag',
      `a policy chooses what "${name}" means among the stream's own tags, whenever they change, and there is nothing to import for it: import those, or give "from" to end the policy`,
    )
  }
  if (old || spec.dockerImageRepository === null) {
    throw new InvalidInputError(
      'tag',
      `the spec has no source for the tag "${name}": give the image's reference as "from"`,
    )
  }
  refuse(
    input,
    ['scheduled', 'referencePolicy'],
    `is part of a spec tag, and "${name}" has none: give "from"`,
  )
  return { spec, request: { repository: false, specTags: [], repositoryTags: [name], ...onlyNow(input) } }
}

const withTag = (spec: Spec, name: TagName, content: SpecTagContent): Spec => ({
  ...spec,
  tags: new Map(spec.tags).set(name, content),
})

const policyOf = (old: Pick<Spec, 'insecure' | 'scheduled' | 'importMode'>, input: ImportImage) => ({
  insecure: input.insecure == null ? old.insecure : flag(input.insecure),
  scheduled: input.scheduled == null ? old.scheduled : flag(input.scheduled),
  importMode: input.importMode ?? old.importMode,
})

const onlyNow = ({ insecure, importMode }: ImportImage) => ({
  ...(insecure != null && { insecure }),
  ...(importMode != null && { importMode }),
})

function refuse(input: ImportImage, fields: readonly (keyof ImportImage)[], why: string): void {
  for (const field of fields) {
    if (input[field] != null) throw new InvalidInputError(field, `${field} ${why}`)
  }
}

/** Stands for a stream that is not there. */
export const NOBODY = {
  id: 0,
  uid: '',
  generation: 1,
  resourceVersion: 0,
  createdAt: 0,
  labels: '[]',
  annotations: '[]',
  repositoryGeneration: 1,
  repositoryCheck: null,
  checkedAt: null,
  newestAt: 0,
}

/** The stream and spec tags as they would be. */
export function imagine(
  stream: typeof NOBODY | ImageStream,
  { namespace, imageStream: name }: Pick<ImportImage, 'namespace' | 'imageStream'>,
  { tags, ...columns }: Spec,
): { stream: ImageStream; specTags: SpecTag[] } {
  return {
    stream: { ...stream, namespace, name, ...columns },
    specTags: [...tags].map(([tag, content]) => ({
      generation: stream.generation,
      ...FOLLOWS_NONE,
      ...content,
      streamId: stream.id,
      name: tag,
    })),
  }
}
