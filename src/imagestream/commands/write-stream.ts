import { eq, sql } from 'drizzle-orm'
import type { SQLiteUpdateSetSource } from 'drizzle-orm/sqlite-core'
import type { Database } from '../../db/open.ts'
import { imageStreams } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { AlreadyExistsError, NotFoundError } from '../../input/errors.ts'
import { type KeyValue, readKeyValues, writeKeyValues } from '../../input/key-values.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { parseReference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Importer } from '../import/import.ts'
import { changeSpec, emptySpec } from '../spec/change-spec.ts'
import { checkResourceVersion } from '../spec/resource-version.ts'
import { type ImageStream, isImportable, type Spec, type SpecInput } from '../spec/spec.ts'
import { admission, type BlockOf, NOTHING } from '../spec/spec-admission.ts'
import type { Following } from '../stream/follow.ts'
import { createSpecTagRows, isSameTag, type NamedTag } from '../stream/spec-tag-rows.ts'
import type { Streams } from '../stream/stream.ts'

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
  insert(
    tx: Transaction,
    input: Omit<CreateStream, 'spec'>,
    spec: Spec,
    options?: Pick<WriteOptions, 'fieldOf'>,
  ): SpecChange
  /**
   * Inside a transaction: writes what of the spec is different, and gives tags from other tags what those mean, and tags
   * with a rule what it chooses. Says which parts are to be imported anew. Throws InvalidInputError where a tag follows
   * itself, NotFoundError, ConflictError; then the transaction must fail.
   */
  writeSpec(tx: Transaction, stream: ImageStream, spec: Spec, options?: WriteOptions): SpecChange
}

export interface WriteOptions {
  /** Labels and annotations as they are to be stored; without them they stay. */
  readonly metadata?: Metadata
  /** The argument that an error in a tag's `from.name` is told of; by default its place in the spec. */
  readonly fieldOf?: (tag: TagName) => string
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
  readonly following: Pick<Following, 'takeOver'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly uuid: () => string
  /** How streams import that do not say. */
  readonly importMode: ImportMode
  /** No registry is blocked unless given. */
  readonly blockOf?: BlockOf | undefined
  /** Runs in the transaction that wrote a stream's spec, new or changed. */
  readonly onSpecWritten?: (tx: Transaction, stream: ImageStream) => void
}

/** Tells when the last import finished, or why it failed. */
export const REPOSITORY_CHECK = 'openshift.io/image.dockerRepositoryCheck'
/** OpenShift's way to write `spec.importPolicy.insecure`. */
export const INSECURE_REPOSITORY = 'openshift.io/image.insecureRepository'

/** Shown among a stream's annotations and set by the server: what a client sends back of them is left out. */
const SERVERS_OWN: readonly string[] = [REPOSITORY_CHECK, INSECURE_REPOSITORY]

export function createStreamWriter(dependencies: StreamWriterDependencies): StreamWriter {
  const { db, streams, importer, following, now, uuid, importMode, onSpecWritten } = dependencies
  const admit = admission(dependencies.blockOf)
  const specTagRows = createSpecTagRows({ db, following })
  const named = 'where stream_id = ? and name in (select value from json_each(?))'
  const removeSpecTags = db.prepare(`delete from spec_tags ${named}`)
  const removeTags = db.prepare(`delete from tags ${named}`)
  // the repository's tags of these names come back, and need not have changed lately
  const readListingAnew = db.prepare('update repository_watches set marks = null where stream_id = ?')
  const forgetClaims = db.prepare(
    'delete from tag_claims where stream_id = ? and tag in (select value from json_each(?))',
  )
  const removeLabels = db.prepare('delete from stream_labels where stream_id = ?')
  const addLabels = db.prepare(
    `insert into stream_labels (stream_id, key, value)
     select ?, value ->> 'key', value ->> 'value' from json_each(?)`,
  )
  const nextVersion = { resourceVersion: sql`${imageStreams.resourceVersion} + 1` }

  const find = ({ namespace, name, resourceVersion }: DeleteStream): ImageStream => {
    const stream = streams.byName(namespace, name)
    if (!stream) throw new NotFoundError(`there is no image stream ${namespace}/${name}`)
    checkResourceVersion({ namespace, name, resourceVersion }, stream)
    return stream
  }
  /** What streams are found by, beside what was written. */
  const writeLabels = ({ id, labels }: ImageStream): void => {
    removeLabels.run(id)
    addLabels.run(id, labels)
  }

  const insert: StreamWriter['insert'] = (
    tx,
    { namespace, name, labels, annotations },
    spec,
    { fieldOf = placeIn(spec) } = {},
  ) => {
    checkNamespace(namespace)
    checkStreamName(namespace, name)
    if (streams.byName(namespace, name)) {
      throw new AlreadyExistsError(`there is an image stream ${namespace}/${name} already`)
    }
    admit(NOTHING, spec, fieldOf)
    const stream = db.orm
      .insert(imageStreams)
      .values({
        uid: uuid(),
        namespace,
        name,
        generation: 1,
        resourceVersion: 1,
        createdAt: now(),
        labels: writeKeyValues(labels ?? [], 'labels'),
        annotations: writeAnnotations(annotations ?? []),
        repositoryGeneration: 1,
        ...columnsOf(spec),
      })
      .returning()
      .get()
    writeLabels(stream)
    specTagRows.write(tx, stream, { tags: [...spec.tags], removed: [], fieldOf })
    specTagRows.arrange(tx, stream.id, [...spec.tags.keys()])
    onSpecWritten?.(tx, stream)
    return changeOf(stream, spec.dockerImageRepository !== null, [...spec.tags])
  }

  const update = ({ id }: ImageStream, change: SQLiteUpdateSetSource<typeof imageStreams>): ImageStream =>
    db.orm
      .update(imageStreams)
      .set({ ...change, ...nextVersion })
      .where(eq(imageStreams.id, id))
      .returning()
      .get()

  const writeSpec = (
    tx: Transaction,
    stream: ImageStream,
    spec: Spec,
    { metadata = stream, fieldOf = placeIn(spec) }: WriteOptions = {},
  ): SpecChange => {
    const old = streams.spec(stream)
    const repository = REPOSITORY_COLUMNS.some((column) => old[column] !== spec[column])
    const changed = [...spec.tags].filter(([name, tag]) => !isSameTag(old.tags.get(name), tag))
    const removed = [...old.tags.keys()].filter((name) => !spec.tags.has(name))
    const isRearranged = !isSameOrder([...old.tags.keys()], [...spec.tags.keys()])
    const isSpecChanged =
      repository ||
      old.scheduled !== spec.scheduled ||
      old.lookupLocal !== spec.lookupLocal ||
      isRearranged ||
      changed.length > 0
    const { labels, annotations } = metadata
    const isChanged = isSpecChanged || labels !== stream.labels || annotations !== stream.annotations
    if (!isChanged) return changeOf(stream, false, [])
    admit(old, spec, fieldOf)

    const generation = stream.generation + (isSpecChanged ? 1 : 0)
    const written = update(stream, {
      ...columnsOf(spec),
      labels,
      annotations,
      generation,
      repositoryGeneration: repository ? generation : stream.repositoryGeneration,
    })
    if (labels !== stream.labels) writeLabels(written)
    // as one value: a statement has room for 32,766, and a stream may lose more tags than that
    const names = JSON.stringify(removed)
    removeSpecTags.run(stream.id, names)
    removeTags.run(stream.id, names)
    if (removed.length > 0) {
      readListingAnew.run(stream.id)
      forgetClaims.run(stream.id, names)
    }
    specTagRows.write(tx, written, { tags: changed, removed, fieldOf })
    if (isRearranged) specTagRows.arrange(tx, stream.id, [...spec.tags.keys()])
    onSpecWritten?.(tx, written)
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
        return importChanges(tx, writeSpec(tx, stream, spec, { metadata: { labels, annotations } }))
      }),

    delete: (input) =>
      db.transact((tx) => {
        const { id } = find(input)
        importer.endOfStream(tx, id)
        db.orm.delete(imageStreams).where(eq(imageStreams.id, id)).run()
        return id
      }),
  }
}

/** The part of a stream that is not its spec and that clients write. */
type Metadata = Pick<ImageStream, 'labels' | 'annotations'>

const placeIn =
  ({ tags }: Spec) =>
  (tag: TagName): string =>
    `spec.tags.${[...tags.keys()].indexOf(tag)}.from.name`

const isSameOrder = (old: readonly TagName[], names: readonly TagName[]): boolean =>
  old.length === names.length && old.every((name, at) => name === names[at])

/** The part of a spec that is columns of the stream itself. */
const columnsOf = ({ tags, ...columns }: Spec) => ({
  ...columns,
  registry:
    columns.dockerImageRepository === null ? null : parseReference(columns.dockerImageRepository).registry,
})

const changeOf = (stream: ImageStream, repository: boolean, tags: readonly NamedTag[]): SpecChange => ({
  stream,
  repository,
  specTags: tags.filter(([, tag]) => isImportable(tag)).map(([name]) => name),
})

// what decides which images the repository's tags mean; when the next look is due does not
const REPOSITORY_COLUMNS = ['dockerImageRepository', 'insecure', 'importMode'] as const

// left out after the check, so that an error names the place where the client wrote the key
const writeAnnotations = (annotations: readonly KeyValue[]): string =>
  JSON.stringify(
    readKeyValues(writeKeyValues(annotations, 'annotations')).filter(({ key }) => !SERVERS_OWN.includes(key)),
  )
