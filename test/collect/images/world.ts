import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { createPruner, type Pruner } from '../../../src/collect/images/prune.ts'
import {
  type KeptImage,
  type PrunedEvent,
  type PrunedImage,
  PruneReport,
  type PruneTotals,
} from '../../../src/collect/images/report.ts'
import type { PrunePolicy } from '../../../src/collect/images/terms.ts'
import type { FetchedImage } from '../../../src/imagestream/image/image.ts'
import type { TagEvent } from '../../../src/imagestream/tag/tag-event.ts'
import { parseManifest } from '../../../src/oci/manifest.ts'
import { createContent } from '../../../src/registry/content/content.ts'
import { NO_AUDIT } from '../../fixtures/no-audit.ts'
import type { Image, Index } from '../../fixtures/random-image.ts'
import { ALL, TestDomain, tagName } from '../../fixtures/test-domain.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** An image as an import or a push stores it. */
export function fetched(content: Image | Index): FetchedImage {
  const { digest, bytes, mediaType } = content
  return {
    digest,
    bytes,
    manifest: parseManifest(bytes, mediaType),
    config: content.kind === 'image' ? content.config : null,
    children: content.kind === 'index' ? content.manifests.map(fetched) : [],
  }
}

interface ReportOptions extends PrunePolicy {
  /** Items of each list; default 50. */
  readonly limit?: number
  /** Last item of the previous page of each list. */
  readonly after?: {
    readonly events?: PrunedEvent | undefined
    readonly images?: PrunedImage | undefined
    readonly kept?: PrunedImage | undefined
  }
}

const pagesOf = ({ limit = 50, after: { events, images, kept } = {} }: ReportOptions) => ({
  events: { limit, peek: false, after: events && [events.tagId, events.id] },
  images: { limit, peek: false, after: images && [images.id] },
  kept: { limit, peek: false, after: kept && [kept.id] },
})

interface Lists {
  readonly events: PrunedEvent[]
  readonly images: PrunedImage[]
  readonly kept: KeptImage[]
}

const reportOf = (totals: PruneTotals, { events, images, kept }: Lists) => ({
  ...totals,
  events: { total: totals.events, items: events },
  images: { total: totals.images, items: images },
  kept: { total: Object.values(totals.reasons).reduce((sum, count) => sum + count), items: kept },
})

/** A page of each list of a plan, and its totals. */
export async function planOf(pruner: Pruner, options: ReportOptions = {}) {
  const { limit: _, after: __, ...policy } = options
  const plan = pruner.plan(SYSTEM, policy)
  const pages = pagesOf(options)
  const [totals, events, images, kept] = await Promise.all([
    plan.totals(),
    plan.events.page(pages.events),
    plan.images.page(pages.images),
    plan.kept.page(pages.kept),
  ])
  return reportOf(totals, { events, images, kept })
}

/** Prunes, and returns the same of what it removed. */
export async function pruneOf(pruner: Pruner, options: ReportOptions = {}, signal?: AbortSignal) {
  const { limit: _, after: __, ...policy } = options
  const pages = pagesOf(options)
  const report = new PruneReport()
  const lists = [
    report.events.page(pages.events),
    report.images.page(pages.images),
    report.kept.page(pages.kept),
  ] as const
  const totals = await pruner.prune(SYSTEM, policy, { report, ...(signal && { signal }) })
  const [events, images, kept] = lists
  return reportOf(totals, { events: events.rows(), images: images.rows(), kept: kept.rows() })
}

/** Streams that a test fills, and a pruner. A stream is named `namespace/name`, and created when it is first used. */
export class PruneWorld implements AsyncDisposable {
  readonly domain = new TestDomain()
  readonly pruner: Pruner
  readonly #content = createContent(this.domain.db)

  constructor() {
    this.pruner = this.newPruner()
  }

  /** A pruner as after a restart, without observed times. */
  newPruner(db = this.domain.db): Pruner {
    return createPruner({ db, audit: NO_AUDIT, recorder: this.domain.recorder, now: () => this.domain.time })
  }

  streamId(stream: string): number {
    const [namespace = '', name = ''] = stream.split('/')
    const { streams, writer } = this.domain
    return (
      streams.byName(SYSTEM, namespace, name) ?? writer.create(SYSTEM, { namespace, name, spec: {} }).stream
    ).id
  }

  /** Id of the image's row. */
  store(content: Image | Index): number {
    const { db, images } = this.domain
    return db.transact((tx) =>
      images.store(tx, fetched(content), {
        namespace: 'default',
        pullSpec: (of) => `registry.test/app@${of}`,
      }),
    )
  }

  /** Marks the stored image as pushed. */
  push({ digest }: Image | Index): void {
    const { db, images } = this.domain
    db.transact((tx) => images.markPushed(tx, [digest]))
  }

  record(stream: string, tag: string, content: Image | Index, importId?: number): void {
    const streamId = this.streamId(stream)
    const [namespace = '', streamName = ''] = stream.split('/')
    const imageId = this.store(content)
    const { db, recorder, time } = this.domain
    db.transact((tx) =>
      recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId, namespace, streamName, tag: tagName(tag) },
        {
          imageId,
          dockerImageReference: `registry.test/app@${content.digest}`,
          generation: 1,
          source: 'IMPORT',
          upstreamDigest: null,
          at: time,
          ...(importId !== undefined && { importId }),
        },
      ),
    )
  }

  removeTag(stream: string, tag: string): void {
    const id = this.streamId(stream)
    const [namespace = '', name = ''] = stream.split('/')
    const { db, recorder } = this.domain
    db.transact((tx) =>
      recorder.removeTag(tx, SYSTEM, {
        stream: { id, namespace, name },
        tag: tagName(tag),
        reason: 'UNTAGGED',
      }),
    )
  }

  /** Removes the tag, and prunes its history at once. */
  forgetTag(stream: string, tag: string): void {
    this.removeTag(stream, tag)
    const { db, recorder } = this.domain
    const ids = this.#events(stream, tag).map(({ id }) => id)
    db.transact((tx) => recorder.pruneTagEvents(tx, ids))
  }

  /** Adds the manifest to the stream's repository. */
  link(stream: string, content: Image | Index): void {
    const streamId = this.streamId(stream)
    const [namespace = '', name = ''] = stream.split('/')
    const imageId = this.store(content)
    const { db, time: at } = this.domain
    db.transact((tx) => {
      const { id: repositoryId } = this.#content.ensureRepository(tx, { namespace, name }, at)
      this.#content.setStream(tx, repositoryId, streamId)
      this.#content.addManifest(tx, {
        ...{ repositoryId, digest: content.digest, imageId, subject: null, artifactType: null },
        ...{ source: null, insecure: 0, references: [], at },
      })
    })
  }

  unlink(stream: string, content: Image | Index): void {
    const [namespace = '', name = ''] = stream.split('/')
    const repository = this.#content.repository({ namespace, name })
    if (!repository) return
    this.domain.db.transact((tx) => this.#content.removeManifest(tx, repository.id, content.digest))
  }

  /** Removes pushes from the log that are older than so many minutes. */
  async trimLog(minutes = 0): Promise<void> {
    await this.domain.changeLog.dropBefore(this.domain.time - minutes * MINUTE + 1)
  }

  /** Advances the clock, after the pruner has observed all images. */
  async pass(milliseconds: number): Promise<void> {
    await planOf(this.pruner)
    this.domain.time += milliseconds
  }

  isStored(content: Image | Index): boolean {
    return this.domain.images.byDigest(SYSTEM, content.digest) !== undefined
  }

  /** Digests of all images. */
  digests(): string[] {
    return this.domain.db
      .prepare<{ digest: string }>('select digest from images order by digest')
      .all()
      .map(({ digest }) => digest)
  }

  configs(): string[] {
    return this.domain.db
      .prepare<{ digest: string }>('select digest from image_configs order by digest')
      .all()
      .map(({ digest }) => digest)
  }

  #events(stream: string, tag: string): TagEvent[] {
    const { tags } = this.domain
    const streamId = this.streamId(stream)
    const id = tags.named([streamId], tagName(tag))[0]?.id ?? tags.removed(streamId, tagName(tag))?.tagId
    return id === undefined ? [] : tags.events([id], ALL)
  }

  /** Digests of a tag's history, newest first, also of a removed tag. */
  history(stream: string, tag: string): string[] {
    const { images } = this.domain
    const events = this.#events(stream, tag)
    const stored = images.byIds(events.map(({ imageId }) => imageId))
    return events.map(({ imageId }) => stored.get(imageId)?.digest ?? 'not stored')
  }

  /** Rows with references to missing rows. */
  dangling(): unknown[] {
    return this.domain.db.prepare<object>('pragma foreign_key_check').all()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pruner[Symbol.asyncDispose]()
    await this.domain[Symbol.asyncDispose]()
  }
}
