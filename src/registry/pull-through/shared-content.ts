import { and, eq, isNotNull, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { tagEvents } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { type Digest, parseDigest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import { repositoryNameOf, repositoryPathOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { createContent, type Repository } from '../content/content.ts'
import { createCopies } from '../content/copies.ts'
import { createImportedImages } from './admission.ts'

export interface SharedContentDependencies {
  readonly db: Database
  /** Returns the `host[:port]` of this registry. */
  readonly host: () => string
}

/** A pull spec by digest. */
interface Named {
  readonly digest: Digest
  /** Stream of this registry whose repository the pull spec names; undefined for another registry's. */
  readonly named: StreamName | undefined
  /** True if the pull spec has the present host of this registry. */
  readonly isHere: boolean
}

/** An image that a tag of a stream gets from another stream, or from an import. */
interface ReceivedContent {
  readonly stream: StreamName
  readonly streamId: number
  readonly imageId: number
  /** Pull spec by digest, of the place that the image comes from. */
  readonly dockerImageReference: string
  /** Stream that the image is copied from; undefined for an import. */
  readonly copiedFrom: StreamName | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * Creates the links by which a repository serves images of other repositories of this registry: those that its stream's
 * tags get from other streams. They are written in the transaction that writes the tag.
 */
export function createSharedContent({ db, host }: SharedContentDependencies) {
  const content = createContent(db)
  const copies = createCopies(db)
  const imported = createImportedImages(db, content)
  // runs for each copy of an image of another registry
  const importedEvent = db.orm
    .select({ id: tagEvents.id })
    .from(tagEvents)
    .where(
      and(
        eq(tagEvents.imageId, sql.placeholder('imageId')),
        eq(tagEvents.dockerImageReference, sql.placeholder('dockerImageReference')),
        isNotNull(tagEvents.importId),
      ),
    )
    .limit(1)
    .prepare()

  /** Reports whether a pull spec of another host is one of this registry, from before it got its present host. */
  const isOfFormerHost = (name: StreamName, image: ReceivedContent, digest: Digest): boolean => {
    const repository = content.repository(name)
    const { imageId, dockerImageReference } = image
    return (
      repository !== undefined &&
      content.isPushed(repository.id, digest) &&
      !importedEvent.get({ imageId, dockerImageReference })
    )
  }

  /** Returns the digest of a pull spec, and the stream whose repository of this registry it names. Undefined for another text. */
  const parsed = (image: ReceivedContent): Named | undefined => {
    const { registry, path, digest: text } = partsOf(image.dockerImageReference)
    const digest = parseDigest(text)
    const name = repositoryNameOf(path)
    if (!digest || !name) return digest && { digest, named: undefined, isHere: false }
    const isHere = registry === host()
    const isOwn = isHere || (image.copiedFrom && isOfFormerHost(name, image, digest))
    return { digest, named: isOwn ? name : undefined, isHere }
  }

  const has = (name: StreamName, digest: Digest): boolean => {
    const repository = content.repository(name)
    return repository !== undefined && content.manifest(repository.id, digest) !== undefined
  }

  /** Returns the stream's repository, if it has the manifest or may pull it through. */
  const servingRepository = (
    tx: Transaction,
    name: StreamName,
    digest: Digest,
    at: number,
  ): Repository | undefined => {
    if (has(name, digest)) return content.repository(name)
    const found = imported.find(name, digest)
    return found && imported.link(tx, name, found, at) && content.repository(name)
  }

  /**
   * Returns the repository to link the image from: the one that the pull spec names, else that of the stream that the image
   * is copied from. A copied image of this registry that neither has any longer can come from any repository: the history
   * of the stream proves that the stream had it.
   */
  const sourceOf = (
    tx: Transaction,
    image: ReceivedContent,
    { named, digest, isHere }: Named,
  ): Repository | undefined => {
    for (const name of [named, image.copiedFrom]) {
      const source = name && !isSame(name, image.stream) && servingRepository(tx, name, digest, image.at)
      if (source) return source
    }
    return isHere && image.copiedFrom ? content.repositoryOfImage(image.imageId) : undefined
  }

  return {
    /**
     * Makes the repository of the tag's stream serve the image, where another repository of this registry does: links it
     * with its children, referrers and stored blobs. Returns the pull spec in the stream's repository; null where the content
     * of the image stays in another registry, or does not exist.
     */
    share(tx: Transaction, image: ReceivedContent): string | null {
      const pullSpec = parsed(image)
      if (!pullSpec) return null
      const { stream, streamId, at } = image
      const { named, digest } = pullSpec
      const isAtHome = named !== undefined && isSame(named, stream)
      if (isAtHome && has(stream, digest)) return null
      const source = sourceOf(tx, image, pullSpec)
      if (source && !isSame(source, stream)) {
        const { id } = content.ensureRepository(tx, stream, at)
        content.setStream(tx, id, streamId)
        copies.copy(tx, { from: source.id, to: id, digest, at })
      }
      if (!named || isAtHome || !has(stream, digest)) return null
      return pullSpecByDigest({ registry: host(), repository: repositoryPathOf(stream) }, digest)
    },
  }
}

/** Splits a pull spec by digest. */
function partsOf(pullSpec: string): {
  readonly registry: string
  readonly path: string
  readonly digest: string
} {
  const at = pullSpec.lastIndexOf('@')
  const slash = pullSpec.indexOf('/')
  return {
    registry: pullSpec.slice(0, slash),
    path: pullSpec.slice(slash + 1, at),
    digest: pullSpec.slice(at + 1),
  }
}

const isSame = (one: StreamName, other: StreamName): boolean =>
  one.namespace === other.namespace && one.name === other.name
