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

  /** Returns the stream's repository, if it has the manifest or may pull it through. */
  const sourceOf = (
    tx: Transaction,
    name: StreamName,
    digest: Digest,
    at: number,
  ): Repository | undefined => {
    const repository = content.repository(name)
    if (repository && content.manifest(repository.id, digest)) return repository
    const found = imported.find(name, digest)
    return found && imported.link(tx, name, found, at) && content.repository(name)
  }

  return {
    /**
     * Links the image to the repository of the tag's stream, with its children, referrers and stored blobs: from the
     * repository of this registry that the pull spec names, else from the repository of the stream that the image is copied
     * from. Returns the pull spec in the stream's own repository; null where the image's content stays in another registry.
     */
    share(tx: Transaction, image: ReceivedContent): string | null {
      const { stream, streamId, copiedFrom, dockerImageReference, at } = image
      const named = namedBy(image)
      const digest = parseDigest(partsOf(dockerImageReference).digest)
      if (!digest || (named && isSame(named, stream))) return null
      for (const name of [named, copiedFrom]) {
        const source = name && !isSame(name, stream) && sourceOf(tx, name, digest, at)
        if (!source) continue
        const { id } = content.ensureRepository(tx, stream, at)
        content.setStream(tx, id, streamId)
        copies.copy(tx, { from: source.id, to: id, digest, at })
        break
      }
      const own = named && content.repository(stream)
      if (!own || !content.manifest(own.id, digest)) return null
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
