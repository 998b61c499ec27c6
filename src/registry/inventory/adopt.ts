import { readFile, stat } from 'node:fs/promises'
import type { Viewer } from '../../access/right/viewer.ts'
import { unlessAbsent } from '../../blobs/folders.ts'
import type { Layout } from '../../blobs/layout.ts'
import type { Database } from '../../db/open.ts'
import { type Digest, matchesDigest } from '../../oci/digest.ts'
import { DamagedContentError } from '../../oci/intact.ts'
import type { Manifest, PushedManifest } from '../../oci/manifest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Content } from '../content/content.ts'
import { parsePushedManifest } from '../content/manifest-body.ts'
import { createManifestParts, partsOf } from '../content/manifest-parts.ts'
import type { RegistryStreams } from '../content/registry-streams.ts'
import { createManifestStore } from '../content/store-manifest.ts'
import type { InventoryFiles, InventoryManifest, RepositoryList } from './files.ts'

interface AdoptionDependencies {
  /** A new database. */
  readonly db: Database
  /** Who stores what is adopted. */
  readonly viewer: Viewer
  readonly content: Content
  readonly streams: Pick<RegistryStreams, 'recordPush'>
  readonly files: Pick<InventoryFiles, 'manifest'>
  readonly layout: Layout
  /** Reports whether the file of a blob has its bytes; it has its size. */
  readonly isIntact: (digest: Digest, size: number) => Promise<boolean>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A manifest that was not adopted. */
export interface LeftManifest {
  readonly repository: string
  readonly digest: Digest
  readonly why: string
}

/** What was adopted of one repository. */
export interface AdoptedRepository {
  readonly manifestCount: number
  readonly tagCount: number
  readonly left: readonly LeftManifest[]
}

interface ParsedManifest extends InventoryManifest {
  readonly bytes: Uint8Array
  readonly manifest: Manifest
}

/**
 * Creates a function that stores a repository, as it was listed, by the same writes as a push. The writes reach the disk when the
 * database is closed: after a crash an adoption begins again.
 */
export function createAdoption({
  db,
  viewer,
  content,
  streams,
  files,
  layout,
  isIntact,
  now,
}: AdoptionDependencies) {
  const parts = createManifestParts(db, content)
  const store = createManifestStore({ db, content, streams })
  /** Blobs whose files were looked at; null for one that is not intact. */
  const sizes = new Map<Digest, number | null>()

  const sizeOf = async (digest: Digest): Promise<number | null> => {
    const known = sizes.get(digest)
    if (known !== undefined) return known
    const status = await unlessAbsent(stat(layout.blob(digest)))
    const size = status?.isFile() && (await isIntact(digest, status.size)) ? status.size : null
    sizes.set(digest, size)
    return size
  }

  const configOf = async (manifest: Manifest): Promise<Uint8Array | null> => {
    if (manifest.kind === 'index' || manifest.artifact) return null
    const { digest } = manifest.config
    const known = content.configBytes(digest)
    if (known) return known
    const bytes = await readFile(layout.blob(digest))
    if (!matchesDigest(bytes, digest))
      throw new DamagedContentError(`the file of the config ${digest} is damaged`)
    return bytes
  }

  async function adopt(
    name: StreamName,
    { digest, bytes, manifest, pushedAt: at }: ParsedManifest,
  ): Promise<void> {
    const found: { readonly digest: Digest; readonly size: number }[] = []
    for (const part of partsOf(manifest)) {
      const size = part.kind === 'manifest' ? null : await sizeOf(part.digest)
      if (size !== null) found.push({ digest: part.digest, size })
    }
    db.transactUnsynced((tx) => {
      const { id: repositoryId } = content.ensureRepository(tx, name, at)
      for (const blob of found) content.linkBlob(tx, { repositoryId, ...blob, at: now() })
    })
    parts.require(content.repository(name)?.id, manifest)
    const config = await configOf(manifest)
    const push: PushedManifest = { repository: name, digest, bytes, manifest, config, tags: [], at }
    db.transactUnsynced((tx) => store(tx, viewer, push))
  }

  async function parse({ digest, mediaType, pushedAt }: InventoryManifest): Promise<ParsedManifest> {
    const bytes = await files.manifest(digest)
    if (!bytes) throw new DamagedContentError('its file is missing in the inventory')
    return { digest, mediaType, pushedAt, bytes, manifest: parsePushedManifest(bytes, mediaType) }
  }

  return async (list: RepositoryList): Promise<AdoptedRepository> => {
    const name = repositoryNameOf(list.repository)
    if (!name) return { manifestCount: 0, tagCount: 0, left: [] }
    const left: LeftManifest[] = []
    const leave = (digest: Digest, error: unknown): void =>
      void left.push({ repository: list.repository, digest, why: explained(error) })
    const adopted = new Map<Digest, ParsedManifest>()
    for (const listed of childrenFirst(await parsed(list.manifests, parse, leave))) {
      try {
        await adopt(name, listed)
        adopted.set(listed.digest, listed)
      } catch (error) {
        leave(listed.digest, error)
      }
    }
    const tags = list.tags.filter(({ digest }) => adopted.has(digest))
    for (const { name: tag, digest, at } of tags) {
      const { bytes, manifest } = adopted.get(digest) as ParsedManifest
      const config = await configOf(manifest)
      db.transactUnsynced((tx) =>
        store(tx, viewer, { repository: name, digest, bytes, manifest, config, tags: [tag], at }),
      )
    }
    return { manifestCount: adopted.size, tagCount: tags.length, left }
  }
}

async function parsed(
  listed: readonly InventoryManifest[],
  parse: (one: InventoryManifest) => Promise<ParsedManifest>,
  leave: (digest: Digest, error: unknown) => void,
): Promise<ParsedManifest[]> {
  const manifests: ParsedManifest[] = []
  for (const one of listed) {
    try {
      manifests.push(await parse(one))
    } catch (error) {
      leave(one.digest, error)
    }
  }
  return manifests
}

/** Yields manifests after those that they contain. */
function* childrenFirst(manifests: readonly ParsedManifest[]): Generator<ParsedManifest> {
  const waiting = new Map(manifests.map((one) => [one.digest, one]))
  function* take(one: ParsedManifest): Generator<ParsedManifest> {
    if (!waiting.delete(one.digest)) return
    for (const { digest } of one.manifest.kind === 'index' ? one.manifest.manifests : []) {
      const child = waiting.get(digest)
      if (child) yield* take(child)
    }
    yield one
  }
  for (const one of manifests) yield* take(one)
}

/** Returns why a manifest cannot be stored. Throws any other error. */
function explained(error: unknown): string {
  if (error instanceof DamagedContentError) return error.message
  if (!(error instanceof OciError)) throw error
  const [first] = error.entries ?? []
  return first?.message ?? error.message
}
