import { setImmediate as nextTurn } from 'node:timers/promises'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { startPeriodic } from '../../concurrency/periodic.ts'
import type { Database } from '../../db/open.ts'
import { images, repositories, repositoryManifests, tagEvents, tags } from '../../db/tables/index.ts'
import { formatRepositoryName, repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Content, Repository } from '../content/content.ts'
import { InventoryFiles, type RepositoryList } from './files.ts'

/** The log of changes, as its readers see it. */
interface ChangeReader {
  head(): number
  /** Returns entries in order; rejects nothing, throws for a position that is too old. */
  readEntries(range: { readonly after: number; readonly before: number; readonly limit: number }): readonly {
    readonly sequence: number
    readonly namespace: string
    readonly imageStreamName: string
  }[]
}

interface InventoryDependencies {
  readonly db: Pick<Database, 'orm'>
  readonly content: Pick<Content, 'repository' | 'manifestBytes'>
  readonly dataFolder: string
  readonly changes: ChangeReader
  /** Returns the `host[:port]` of pull specs. */
  readonly host: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the first error when files cannot be written; they are written later. */
  readonly onError: (error: unknown) => void
}

/** Milliseconds between two looks at the log. */
const INTERVAL = 5_000
/** Milliseconds between two passes over all repositories, which also find what the log does not have. */
const PASS_INTERVAL = 24 * 3_600_000
const BATCH = 500
/** A list that takes the thread long to read is read again only after so many times as long. */
const REST = 100

/**
 * Keeps the files from which the repositories can be rebuilt when the database is lost: a reader of the change log, beside the path of
 * pushes. What a crash left out is written by the pass at the next start.
 */
export function createInventory({
  db,
  content,
  dataFolder,
  changes,
  host,
  now,
  onError,
}: InventoryDependencies) {
  const files = new InventoryFiles(dataFolder)
  const { orm } = db
  const manifestsOf = orm
    .select({
      digest: repositoryManifests.digest,
      mediaType: images.mediaType,
      pushedAt: repositoryManifests.pushedAt,
      imageId: repositoryManifests.imageId,
      size: sql<number>`length(${images.manifest})`,
    })
    .from(repositoryManifests)
    .innerJoin(images, eq(images.id, repositoryManifests.imageId))
    .where(
      and(eq(repositoryManifests.repositoryId, sql.placeholder('id')), isNull(repositoryManifests.source)),
    )
    .orderBy(repositoryManifests.pushedAt, repositoryManifests.digest)
    .prepare()
  const tagsOf = orm
    .select({ name: tags.name, digest: images.digest, at: tagEvents.createdAt })
    .from(tags)
    .innerJoin(tagEvents, eq(tagEvents.id, tags.newestEventId))
    .innerJoin(images, eq(images.id, tags.newestImageId))
    .where(and(eq(tags.streamId, sql.placeholder('streamId')), isNull(tags.removedAt)))
    .orderBy(tags.name)
    .prepare()
  const names = orm
    .select({ id: repositories.id, namespace: repositories.namespace, name: repositories.name })
    .from(repositories)
    .where(sql`${repositories.id} > ${sql.placeholder('after')}`)
    .orderBy(repositories.id)
    .limit(BATCH)
    .prepare()

  const changed = new Set<string>()
  /** When a repository may be written again, in milliseconds since 1970. */
  const resting = new Map<string, number>()
  let position = 0
  let nextPass = 0
  let job: Disposable | undefined
  let running: Promise<void> | undefined
  let [isFailing, isStopped] = [false, false]

  /** Returns the list of a repository, and the images of its manifests; undefined when nothing was pushed to it. */
  const read = (repository: Repository) => {
    const manifests = manifestsOf.all({ id: repository.id })
    if (manifests.length === 0) return undefined
    const pushed = new Set(manifests.map(({ digest }) => digest))
    const tagged = repository.streamId === null ? [] : tagsOf.all({ streamId: repository.streamId })
    const list: RepositoryList = {
      version: 1,
      registry: host(),
      repository: formatRepositoryName(repository),
      manifests: manifests.map(({ digest, mediaType, pushedAt }) => ({ digest, mediaType, pushedAt })),
      tags: tagged.filter(({ digest }) => pushed.has(digest)),
    }
    return { list, manifests }
  }

  /** Writes what a repository has now. `isPass`: also looks for the files of manifests that it had before. */
  async function write(name: StreamName, isPass: boolean): Promise<RepositoryList | undefined> {
    const repository = content.repository(name)
    const since = performance.now()
    const found = repository && read(repository)
    if (!found) {
      await files.removeList(name)
      return undefined
    }
    const pause = (performance.now() - since) * REST
    if (pause > INTERVAL) resting.set(found.list.repository, now() + pause)
    const earlier = await files.list(name)
    const known = new Set(isPass ? [] : earlier?.manifests.map(({ digest }) => digest))
    for (const { digest, imageId, size } of found.manifests) {
      if (known.has(digest) || (await files.manifestSize(digest)) === size) continue
      await files.writeManifest(digest, content.manifestBytes(imageId))
    }
    if (JSON.stringify(earlier) !== JSON.stringify(found.list)) await files.writeList(name, found.list)
    return found.list
  }

  /** Writes all repositories, and removes the files of others and of manifests that none has. */
  async function pass(): Promise<void> {
    const needed = new Set<string>()
    const written = new Set<string>()
    for (
      let page = names.all({ after: 0 });
      page.length > 0;
      page = names.all({ after: page.at(-1)?.id ?? 0 })
    ) {
      for (const { namespace, name } of page) {
        const repository = repositoryNameOf(`${namespace}/${name}`)
        const list = repository && (await write(repository, true))
        if (isStopped) return
        if (list) written.add(list.repository)
        for (const { digest } of list?.manifests ?? []) needed.add(digest)
        await nextTurn()
      }
    }
    for await (const repository of files.repositories()) {
      if (!written.has(formatRepositoryName(repository))) await write(repository, false)
    }
    for await (const digest of files.manifests()) if (!needed.has(digest)) await files.removeManifest(digest)
  }

  /** Notes the repositories of the streams that changed since the last look. */
  function follow(): void {
    for (;;) {
      const entries = changes.readEntries({ after: position, before: changes.head() + 1, limit: BATCH })
      for (const { namespace, imageStreamName, sequence } of entries) {
        changed.add(`${namespace}/${imageStreamName}`)
        position = sequence
      }
      if (entries.length < BATCH) return
    }
  }

  async function run(): Promise<void> {
    if (now() >= nextPass) {
      position = changes.head()
      await pass()
      if (isStopped) return
      nextPass = now() + PASS_INTERVAL
    }
    follow()
    for (const name of [...changed]) {
      if (isStopped) return
      const repository = repositoryNameOf(name)
      if ((resting.get(name) ?? 0) > now()) continue
      resting.delete(name)
      if (repository) await write(repository, false)
      changed.delete(name)
      await nextTurn()
    }
  }

  const runOnce = (): Promise<void> => {
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
  const runReported = async (): Promise<void> => {
    try {
      await runOnce()
      isFailing = false
    } catch (error) {
      // a full disk is reported once, not every few seconds
      if (!isFailing) onError(error)
      isFailing = true
    }
  }
  return {
    start(): void {
      job ??= startPeriodic({ intervalMs: INTERVAL, now, run: runReported, onError })
    },
    /** Writes what has changed now. Rejects with the error of the disk. */
    run: runOnce,
    /** Ends what runs; the next start continues. */
    async [Symbol.asyncDispose](): Promise<void> {
      isStopped = true
      job?.[Symbol.dispose]()
      await running?.catch(() => {})
    },
  }
}
