import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import type { TagName } from '../oci/tag.ts'
import { AlreadyExistsError, ConflictError, NotFoundError } from './errors.ts'
import type { ImportMode } from './fetch-image.ts'
import type { Importer } from './import.ts'
import { type KeyValue, readKeyValues, writeKeyValues } from './key-values.ts'
import { checkNamespace, checkStreamName } from './names.ts'
import {
  changeSpec,
  emptySpec,
  type ImageStream,
  isImportable,
  type Spec,
  type SpecInput,
  type SpecTagContent,
} from './spec.ts'
import type { Streams } from './stream.ts'

export interface CreateStream {
  readonly namespace: string
  readonly name: string
  readonly labels?: readonly KeyValue[] | null | undefined
  readonly annotations?: readonly KeyValue[] | null | undefined
  readonly spec?: SpecInput | null | undefined
}

/** What is undefined or null stays as it is; labels and annotations are replaced whole. */
export interface UpdateStream extends CreateStream {
  readonly resourceVersion?: string | null | undefined
}

export interface DeleteStream {
  readonly namespace: string
  readonly name: string
  readonly resourceVersion?: string | null | undefined
}

export interface Written {
  readonly stream: ImageStream
  /** The import that the write began, when it made something importable. */
  readonly importId: number | null
}

/** Every write of a stream's own fields: checked first, then one transaction with the import that it begins. */
export interface StreamWriter {
  /** Throws InvalidInputError, AlreadyExistsError. */
  create(input: CreateStream): Written
  /** Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest. */
  update(input: UpdateStream): Written
  /** The id of the stream that is gone. Throws NotFoundError, ConflictError. */
  delete(input: DeleteStream): number
  /** Inside a transaction: a new stream. Throws InvalidInputError, AlreadyExistsError. */
  insert(tx: Transaction, input: Omit<CreateStream, 'spec'>, spec: Spec): SpecChange
  /** Inside a transaction: writes what of the spec is different. Says which parts are to be imported anew. */
  writeSpec(tx: Transaction, stream: ImageStream, spec: Spec): SpecChange
}

export interface SpecChange {
  readonly stream: ImageStream
  /** The repository, or how it is imported, is another one now. */
  readonly repository: boolean
  /** Spec tags that are new or different and can be imported. */
  readonly specTags: readonly TagName[]
}

export interface StreamWriterDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly importer: Importer
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly uuid: () => string
  /** How streams import that do not say. */
  readonly importMode: ImportMode
}

/** Set by the server, never by a client: what a client sends back of it is left out. */
export const REPOSITORY_CHECK = 'openshift.io/image.dockerRepositoryCheck'

export function createStreamWriter(dependencies: StreamWriterDependencies): StreamWriter {
  const { db, streams, importer, now, uuid, importMode } = dependencies
  const touch = db.prepare('update image_streams set resource_version = resource_version + 1 where id = ?')

  const find = ({ namespace, name, resourceVersion }: DeleteStream): ImageStream => {
    const stream = streams.byName(namespace, name)
    if (!stream) throw new NotFoundError(`there is no image stream ${namespace}/${name}`)
    if (resourceVersion != null && resourceVersion !== String(stream.resourceVersion)) {
      throw new ConflictError(
        `${namespace}/${name} is at resourceVersion ${stream.resourceVersion}, not ${resourceVersion}: read it again`,
      )
    }
    return stream
  }
  const again = ({ id }: ImageStream): ImageStream => {
    const stream = streams.byIds([id]).get(id)
    if (!stream) throw new Error(`stream ${id} vanished inside a transaction`)
    return stream
  }

  const insert: StreamWriter['insert'] = (_tx, { namespace, name, labels, annotations }, spec) => {
    checkNamespace(namespace)
    checkStreamName(namespace, name)
    if (streams.byName(namespace, name)) {
      throw new AlreadyExistsError(`there is an image stream ${namespace}/${name} already`)
    }
    db.prepare(
      `insert into image_streams (uid, namespace, name, generation, resource_version, created_at, labels, annotations,
         repository_generation, docker_image_repository, insecure, scheduled, import_mode, lookup_local)
       values (?, ?, ?, 1, 1, ?, ?, ?, 1, ?, ?, ?, ?, ?)`,
    ).run(
      uuid(),
      namespace,
      name,
      now(),
      writeKeyValues(labels ?? [], 'labels'),
      writeAnnotations(annotations ?? []),
      spec.dockerImageRepository,
      spec.insecure,
      spec.scheduled,
      spec.importMode,
      spec.lookupLocal,
    )
    const stream = find({ namespace, name })
    writeSpecTags(stream, [...spec.tags])
    return changeOf(stream, spec.dockerImageRepository !== null, [...spec.tags])
  }

  const writeSpecTags = (
    { id, generation }: ImageStream,
    tags: readonly [TagName, SpecTagContent][],
  ): void => {
    for (const [name, tag] of tags) {
      db.prepare(
        `insert or replace into spec_tags (stream_id, name, annotations, from_kind, from_name, from_namespace, reference,
           generation, insecure, scheduled, import_mode, reference_policy) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        id,
        name,
        tag.annotations,
        tag.fromKind,
        tag.fromName,
        tag.fromNamespace,
        tag.reference,
        generation,
        tag.insecure,
        tag.scheduled,
        tag.importMode,
        tag.referencePolicy,
      )
    }
  }

  const writeSpec: StreamWriter['writeSpec'] = (_tx, stream, spec) => {
    const old = streams.spec(stream)
    const repository = REPOSITORY_COLUMNS.some((column) => old[column] !== spec[column])
    const changed = [...spec.tags].filter(([name, tag]) => !isSameTag(old.tags.get(name), tag))
    const removed = [...old.tags.keys()].filter((name) => !spec.tags.has(name))
    const isChanged =
      repository ||
      old.scheduled !== spec.scheduled ||
      old.lookupLocal !== spec.lookupLocal ||
      changed.length + removed.length > 0
    if (!isChanged) return changeOf(stream, false, [])

    const generation = stream.generation + 1
    db.prepare(
      `update image_streams set generation = ?, repository_generation = ?, docker_image_repository = ?, insecure = ?,
         scheduled = ?, import_mode = ?, lookup_local = ?, resource_version = resource_version + 1 where id = ?`,
    ).run(
      generation,
      repository ? generation : stream.repositoryGeneration,
      spec.dockerImageRepository,
      spec.insecure,
      spec.scheduled,
      spec.importMode,
      spec.lookupLocal,
      stream.id,
    )
    for (const name of removed) {
      db.prepare('delete from spec_tags where stream_id = ? and name = ?').run(stream.id, name)
      db.prepare('delete from tags where stream_id = ? and name = ?').run(stream.id, name)
    }
    const written = again(stream)
    writeSpecTags(written, changed)
    return changeOf(written, repository && spec.dockerImageRepository !== null, changed)
  }

  const importChanges = (tx: Transaction, { stream, repository, specTags }: SpecChange): Written => ({
    stream,
    importId:
      repository || specTags.length > 0
        ? importer.request(tx, stream.id, { repository, specTags, repositoryTags: [] })
        : null,
  })

  return {
    insert,
    writeSpec,

    create: (input) =>
      db.transact((tx) => {
        const spec = changeSpec(emptySpec(importMode), input.spec ?? {}, importMode)
        return importChanges(tx, insert(tx, input, spec))
      }),

    update: (input) =>
      db.transact((tx) => {
        const stream = find(input)
        const labels = input.labels == null ? stream.labels : writeKeyValues(input.labels, 'labels')
        const annotations =
          input.annotations == null ? stream.annotations : writeAnnotations(input.annotations)
        const spec = changeSpec(streams.spec(stream), input.spec ?? {}, importMode)
        const change = writeSpec(tx, stream, spec)
        if (labels === stream.labels && annotations === stream.annotations) return importChanges(tx, change)
        db.prepare('update image_streams set labels = ?, annotations = ? where id = ?').run(
          labels,
          annotations,
          stream.id,
        )
        if (change.stream === stream) touch.run(stream.id)
        return importChanges(tx, { ...change, stream: again(stream) })
      }),

    delete: (input) =>
      db.transact((tx) => {
        const { id } = find(input)
        importer.endOfStream(tx, id)
        db.prepare('delete from image_streams where id = ?').run(id)
        return id
      }),
  }
}

const changeOf = (
  stream: ImageStream,
  repository: boolean,
  tags: readonly [TagName, SpecTagContent][],
): SpecChange => ({
  stream,
  repository,
  specTags: tags.filter(([, tag]) => isImportable(tag)).map(([name]) => name),
})

// what decides which images the repository's tags mean; when the next look is due does not
const REPOSITORY_COLUMNS = ['dockerImageRepository', 'insecure', 'importMode'] as const

const TAG_COLUMNS = [
  'annotations',
  'fromKind',
  'fromName',
  'fromNamespace',
  'reference',
  'insecure',
  'scheduled',
  'importMode',
  'referencePolicy',
] as const

const isSameTag = (old: SpecTagContent | undefined, tag: SpecTagContent): boolean =>
  old !== undefined && TAG_COLUMNS.every((column) => old[column] === tag[column])

// left out after the check, so that an error names the place where the client wrote the key
const writeAnnotations = (annotations: readonly KeyValue[]): string =>
  JSON.stringify(
    readKeyValues(writeKeyValues(annotations, 'annotations')).filter(({ key }) => key !== REPOSITORY_CHECK),
  )
