import { SYSTEM, sees } from '../../src/access/right/viewer.ts'
import type { StreamFilter, StreamOrder } from '../../src/imagestream/stream/stream-criteria.ts'
import type { Failing, TagSearchFilter } from '../../src/imagestream/tag/tag-search.ts'
import { formatPlatform } from '../../src/oci/descriptor.ts'
import type { FailureReason } from '../../src/oci/failure-reason.ts'
import { fetched } from '../collect/images/world.ts'
import { type Image, type Index, image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName } from '../fixtures/test-domain.ts'

/** Expected state of a stream, from all changes that were made. */
export interface KnownStream {
  readonly id: number
  readonly namespace: string
  readonly name: string
  labels: Readonly<Record<string, string>>
  readonly registries: readonly string[]
  checkedAt: number | null
  newestAt: number
  /** Why the whole repository cannot be imported. */
  failing: FailureReason | null
  readonly tags: Map<string, KnownTag>
}

interface KnownTag {
  image: Image | Index | null
  registry: string | null
  newestAt: number
  failing: FailureReason | null
}

const runs = (seed: string, platform: string, labels: Readonly<Record<string, string>> = {}): Image => {
  const [os = '', architecture = '', variant] = platform.split('/')
  return image({ seed, platform: { os, architecture, ...(variant && { variant }) }, labels })
}

export const IMAGES: readonly (Image | Index)[] = [
  runs('1', 'linux/amd64', { team: 'x', 'org.example/tier': 'front' }),
  runs('2', 'linux/amd64', { team: 'y' }),
  runs('3', 'linux/arm64/v8', { team: 'x' }),
  runs('4', 'linux/arm64'),
  runs('5', 'linux/arm/v7', { 'org.example/tier': 'front' }),
  runs('10', 'linux/amd64/v3'),
  runs('11', 'linux/arm'),
  index([runs('6', 'linux/amd64', { team: 'x' }), runs('7', 'linux/arm64/v8')]),
  index([runs('8', 'linux/amd64'), runs('9', 'windows/amd64')]),
]

const platformsOf = (content: Image | Index): string[] =>
  content.kind === 'image' ? [formatPlatform(content.platform)] : content.manifests.flatMap(platformsOf)
const labelsOf = (content: Image | Index): Readonly<Record<string, string>> =>
  content.kind === 'image' ? JSON.parse(content.config.bytes.toString()).config.Labels : {}

/** Platforms whose variant an image need not declare. */
const WITHOUT_VARIANT: Readonly<Record<string, string>> = {
  'linux/arm64/v8': 'linux/arm64',
  'linux/arm/v7': 'linux/arm',
  'linux/amd64/v1': 'linux/amd64',
}

const matches = (glob: string, text: string): boolean =>
  new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(text)
const hasAll = (
  labels: Readonly<Record<string, string>>,
  wanted: readonly { readonly key: string; readonly value: string }[] = [],
): boolean => wanted.every(({ key, value }) => labels[key] === value)

/** Streams that a test fills, and the expected results of searches, from a check of all of them. */
export class SearchWorld implements AsyncDisposable {
  readonly domain = new TestDomain()
  readonly streams: KnownStream[] = []

  constructor() {
    // the imports of the repositories never end: only the test changes what is searched
    this.domain.remote.hold()
  }

  create(
    namespace: string,
    name: string,
    { labels = {}, registries = [] }: { labels?: KnownStream['labels']; registries?: readonly string[] } = {},
  ): KnownStream {
    const [ofRepository, ...ofTags] = registries
    const { id } = this.domain.writer.create(SYSTEM, {
      namespace,
      name,
      labels: Object.entries(labels).map(([key, value]) => ({ key, value })),
      spec: {
        dockerImageRepository: ofRepository && `${ofRepository}/team/${name}`,
        // with reference: true, so that nothing is imported
        tags: ofTags.map((host, at) =>
          fromImage(`from-${at}`, `${host}/team/${name}:1`, { reference: true }),
        ),
      },
    }).stream
    const known = {
      ...{ id, namespace, name, labels, registries },
      ...{ checkedAt: null, newestAt: 0, failing: null, tags: new Map() },
    }
    this.streams.push(known)
    return known
  }

  relabel(stream: KnownStream, labels: KnownStream['labels']): void {
    const { namespace, name } = stream
    const written = Object.entries(labels).map(([key, value]) => ({ key, value }))
    this.domain.writer.update(SYSTEM, { namespace, name, labels: written })
    stream.labels = labels
  }

  /** Points the tag to the image, with a pull spec of that registry. */
  record(stream: KnownStream, tag: string, content: Image | Index, registry: string): void {
    const { db, images, recorder, time } = this.domain
    const { id: streamId, namespace, name: streamName } = stream
    const pullSpec = (digest: string) => `${registry}/team/app@${digest}`
    db.transact((tx) => {
      const imageId = images.store(tx, fetched(content), { namespace: 'default', pullSpec })
      recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId, namespace, streamName, tag: tagName(tag) },
        {
          imageId,
          dockerImageReference: pullSpec(content.digest),
          generation: 1,
          source: 'IMPORT',
          upstreamDigest: null,
          at: time,
        },
      )
    })
    const known = stream.tags.get(tag)
    const newestAt = known?.image === content ? known.newestAt : time
    stream.tags.set(tag, { image: content, registry, newestAt, failing: null })
    stream.newestAt = Math.max(stream.newestAt, newestAt)
  }

  fail(stream: KnownStream, tag: string, reason: FailureReason): void {
    const { db, recorder, time: at } = this.domain
    const { id: streamId, namespace, name: streamName } = stream
    const address = { streamId, namespace, streamName, tag: tagName(tag) }
    const failure = { reason, message: `it is ${reason}`, generation: 1, at }
    db.transact((tx) => recorder.recordImportFailure(tx, address, failure))
    const known = stream.tags.get(tag) ?? { image: null, registry: null, newestAt: 0 }
    stream.tags.set(tag, { ...known, failing: reason })
  }

  /** Records that the whole repository cannot be imported, or with null that it can. */
  failWhole(stream: KnownStream, reason: FailureReason | null): void {
    const { db, streamConditions, time: at } = this.domain
    db.transact((tx) => {
      if (reason === null) streamConditions.clearFailure(tx, stream.id)
      else streamConditions.setFailure(tx, stream.id, { reason, message: '', generation: 1, at })
    })
    stream.failing = reason
  }

  remove(stream: KnownStream, tag: string): void {
    const { db, recorder } = this.domain
    db.transact((tx) => recorder.removeTag(tx, SYSTEM, { stream, tag: tagName(tag), reason: 'UNTAGGED' }))
    stream.tags.delete(tag)
  }

  /** Records a finished import, which read every requested tag or not. */
  check(stream: KnownStream, isWhole: boolean): void {
    const { db, streams, time } = this.domain
    const wholeAt = isWhole ? time : null
    db.transact((tx) => streams.recordCheck(tx, stream.id, { text: 'done', wholeAt }))
    stream.checkedAt = wholeAt ?? stream.checkedAt
  }

  /** Ids of the expected streams that the viewer sees, in order. */
  expectedStreams(filter: StreamFilter, order: StreamOrder, viewer = SYSTEM): number[] {
    const compare = (a: KnownStream, b: KnownStream): number => {
      if (order === 'NEWEST_FIRST') return b.newestAt - a.newestAt || b.id - a.id
      return a.namespace === b.namespace ? (a.name < b.name ? -1 : 1) : a.namespace < b.namespace ? -1 : 1
    }
    return this.streams
      .filter((stream) => sees(viewer, stream) && isFound(stream, filter))
      .sort(compare)
      .map(({ id }) => id)
  }

  /** Names of the expected tags of a stream, in byte order. */
  expectedTags(streamId: number, filter: TagSearchFilter): string[] {
    const tags = this.streams.find(({ id }) => id === streamId)?.tags ?? new Map<string, KnownTag>()
    return [...tags]
      .filter(([name, tag]) => isTagFound(name, tag, filter))
      .map(([name]) => name)
      .sort()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.domain[Symbol.asyncDispose]()
  }
}

function isFound(stream: KnownStream, filter: StreamFilter): boolean {
  const {
    namespace,
    matching,
    labels,
    registry,
    notCheckedSince,
    unchangedSince,
    digest,
    failing,
    platform,
  } = filter
  const tags = [...stream.tags]
  // the criteria can be met by different tags
  const hasTag = (wanted: TagSearchFilter) => tags.some(([name, tag]) => isTagFound(name, tag, wanted))
  return (
    (namespace === undefined || stream.namespace === namespace) &&
    (matching === undefined || matches(matching, stream.name)) &&
    hasAll(stream.labels, labels) &&
    (registry === undefined || stream.registries.includes(registry)) &&
    (notCheckedSince === undefined || stream.checkedAt === null || stream.checkedAt < notCheckedSince) &&
    (unchangedSince === undefined || stream.newestAt < unchangedSince) &&
    (digest === undefined || hasTag({ digest })) &&
    (failing === undefined || isFailing(stream.failing, failing) || hasTag({ failing })) &&
    (platform === undefined || hasTag({ platform }))
  )
}

const isFailing = (found: FailureReason | null, { reason }: Failing): boolean =>
  found !== null && [undefined, found].includes(reason)

function isTagFound(name: string, tag: KnownTag, filter: TagSearchFilter): boolean {
  const { matching, digest, registry, failing, platform, unchangedSince, labels } = filter
  const { image: content } = tag
  return (
    (matching === undefined || matches(matching, name)) &&
    (digest === undefined || content?.digest === digest) &&
    (registry === undefined || tag.registry === registry) &&
    (failing === undefined || isFailing(tag.failing, failing)) &&
    (platform === undefined ||
      (content !== null &&
        platformsOf(content).some(
          (one) => one === platform || one.startsWith(`${platform}/`) || one === WITHOUT_VARIANT[platform],
        ))) &&
    (unchangedSince === undefined || tag.newestAt < unchangedSince) &&
    (labels === undefined || labels.length === 0 || (content !== null && hasAll(labelsOf(content), labels)))
  )
}
