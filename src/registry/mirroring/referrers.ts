import { forEachBounded } from '../../concurrency/bounded.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { tagOfReferrers } from '../../oci/tag.ts'
import type { ImageTree } from './image-tree.ts'
import type { ImageSource } from './source.ts'

/** Source: cosign, SIGNATURE_SPEC.md, storage. */
const COSIGN_SUFFIXES = ['.sig', '.att', '.sbom']
/** Referrers of referrers that are read: an image, its SBOM, the signature of that. */
const MAX_DEPTH = 3
/** Manifests whose referrers are listed at a time. */
const AT_A_TIME = 4

/**
 * Adds the referrers of all manifests of the tree, with their own, and the artifacts under cosign's tags. Listed artifacts
 * that do not exist, or refer to another manifest, are left out. Throws as `ImageTree.add`.
 */
export async function addReferrers(tree: ImageTree, source: ImageSource): Promise<void> {
  let subjects = tree.manifests.map(({ digest }) => digest)
  for (let depth = 1; depth <= MAX_DEPTH && subjects.length > 0; depth++) {
    const before = new Set(tree.manifests.map(({ digest }) => digest))
    await forEachBounded(subjects, AT_A_TIME, (subject) => addReferrersOf(tree, source, subject))
    subjects = tree.manifests.map(({ digest }) => digest).filter((digest) => !before.has(digest))
  }
}

async function addReferrersOf(tree: ImageTree, source: ImageSource, subject: Digest): Promise<void> {
  const { descriptors } = await source.listReferrers(subject, null)
  for (const { digest } of descriptors) {
    if (tree.has(digest)) continue
    await unlessMissing(tree.add(digest, { accepts: (manifest) => manifest.subject?.digest === subject }))
  }
  for (const suffix of COSIGN_SUFFIXES) {
    const tag = tagOfReferrers(subject, suffix)
    const digest = await source.digestOfTag(tag)
    const copied = digest && (await unlessMissing(tree.add(digest)))
    if (copied) copied.tags.add(tag)
  }
}

async function unlessMissing<Result>(adding: Promise<Result>): Promise<Result | undefined> {
  try {
    return await adding
  } catch (error) {
    if (error instanceof RegistryError && error.reason === 'NotFound') return undefined
    throw error
  }
}
