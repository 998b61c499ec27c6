import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { subjectOfTag, type TagName } from '../../oci/tag.ts'
import type { Content, LinkedManifest, Repository } from './content.ts'
import { createCopies } from './copies.ts'

/**
 * Creates the lookup of the tags under which clients attach artifacts to an image, such as cosign's `sha256-….sig`. A
 * repository that has a copy of the image has them too: the tag stays in the repository that the image comes from, and its
 * manifest is linked when it is first requested.
 */
export function createAttachmentTags(db: Database, content: Content, now: () => number) {
  const copies = createCopies(db)

  const find = (repository: Repository, tag: TagName): { from: number; digest: Digest } | undefined => {
    const subject = subjectOfTag(tag)
    for (const origin of subject ? copies.originsOf(repository.id, subject) : []) {
      const manifest = content.manifestOfTag(origin, tag)
      if (manifest) return { from: origin.id, digest: manifest.digest }
    }
    return undefined
  }

  const link = (tx: Transaction, repository: Repository, tag: TagName): LinkedManifest | undefined => {
    const found = find(repository, tag)
    if (!found) return undefined
    copies.copy(tx, { ...found, to: repository.id, at: now() })
    return content.manifest(repository.id, found.digest)
  }

  /** Returns the manifest of such a tag, linked to the repository; undefined for any other tag. */
  return async (repository: Repository, tag: TagName): Promise<LinkedManifest | undefined> =>
    find(repository, tag) && db.transactTogether((tx) => link(tx, repository, tag))
}
