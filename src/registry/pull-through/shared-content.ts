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

interface Named {
  /** Stream of this registry whose repository the pull spec names; undefined for another registry's. */
  readonly named: StreamName | undefined
  readonly digest: Digest
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

  /** Returns the repository of this registry that a pull spec names; undefined for another registry's. */
  const namedBy = ({
    dockerImageReference,
    imageId,
    copiedFrom,
  }: ReceivedContent): StreamName | undefined => {
    const { registry, path } = partsOf(dockerImageReference)
    if (registry === host()) return repositoryNameOf(path)
    // this registry may have had another host when the image was pushed
    return copiedFrom && !importedEvent.get({ imageId, dockerImageReference })
      ? repositoryNameOf(path)
      : undefined
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
   * is copied from. An image of this registry that neither has any longer can come from any repository: the history of
   * the stream proves that the stream had it.
   */
  const sourceOf = (
    tx: Transaction,
    image: ReceivedContent,
    { named, digest }: Named,
  ): Repository | undefined => {
    for (const name of [named, image.copiedFrom]) {
      const source = name && !isSame(name, image.stream) && servingRepository(tx, name, digest, image.at)
      if (source) return source
    }
    return named && content.repositoryOfImage(image.imageId)
  }

  return {
    /**
     * Makes the repository of the tag's stream serve the image, where another repository of this registry does: links it
     * with its children, referrers and stored blobs. Returns the pull spec in the stream's repository; null where the content
     * of the image stays in another registry, or does not exist.
     */
    share(tx: Transaction, image: ReceivedContent): string | null {
      const { stream, streamId, dockerImageReference, at } = image
      const named = namedBy(image)
      const digest = parseDigest(partsOf(dockerImageReference).digest)
      if (!digest) return null
      const isAtHome = named !== undefined && isSame(named, stream)
      if (isAtHome && has(stream, digest)) return null
      const source = sourceOf(tx, image, { named, digest })
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
