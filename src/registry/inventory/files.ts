import { opendir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, unlessAbsent } from '../../blobs/folders.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { intact } from '../../oci/intact.ts'
import { isObject, parseJson } from '../../oci/json.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'

/** A manifest of a repository. */
export interface InventoryManifest {
  readonly digest: Digest
  readonly mediaType: string
  /** Milliseconds since 1970. */
  readonly pushedAt: number
}

/** What a repository has, without the bytes. */
export interface RepositoryList {
  readonly version: 1
  /** `host[:port]` of the pull specs of its images. */
  readonly registry: string
  /** `namespace/name`. */
  readonly repository: string
  readonly manifests: readonly InventoryManifest[]
  readonly tags: readonly InventoryTag[]
}

/** A tag that points to one of the manifests. */
export interface InventoryTag {
  readonly name: TagName
  readonly digest: Digest
  /** When it got this image, in milliseconds since 1970. */
  readonly at: number
}

const LIST = 'list.json'
const UNFINISHED = '.unfinished'

/**
 * The folder `inventory` of a data folder: the bytes of all manifests that were pushed, by digest, and a list for each repository.
 * With the files of blobs it has what is needed to rebuild the repositories without the database.
 */
export class InventoryFiles {
  readonly #manifests: string
  readonly #repositories: string

  constructor(dataFolder: string) {
    this.#manifests = join(dataFolder, 'inventory', 'manifests')
    this.#repositories = join(dataFolder, 'inventory', 'repositories')
  }

  /** Returns the list of a repository; undefined where there is none, or one that cannot be read. */
  async list(repository: StreamName): Promise<RepositoryList | undefined> {
    const text = await unlessAbsent(readFile(this.#listOf(repository), 'utf8'))
    return text === undefined ? undefined : parseList(text)
  }

  /** Writes the list of a repository; a crash leaves the earlier one. */
  writeList(repository: StreamName, list: RepositoryList): Promise<void> {
    return replace(this.#listOf(repository), JSON.stringify(list))
  }

  removeList(repository: StreamName): Promise<void> {
    return rm(dirname(this.#listOf(repository)), { recursive: true, force: true })
  }

  /** Iterates over the names of repositories that have a list. */
  async *repositories(): AsyncGenerator<StreamName> {
    for (const namespace of await namesIn(this.#repositories)) {
      for (const folder of await namesIn(join(this.#repositories, namespace))) {
        const name = repositoryNameOf(`${namespace}/${folder.replaceAll('+', '/')}`)
        if (name) yield name
      }
    }
  }

  /** Returns the bytes of a manifest; undefined where they are missing. Rejects with DamagedContentError for other bytes. */
  async manifest(digest: Digest): Promise<Uint8Array | undefined> {
    const bytes = await unlessAbsent(readFile(this.#manifest(digest)))
    return bytes && intact(digest, bytes)
  }

  /** Returns the size of the file of a manifest; undefined without one. */
  async manifestSize(digest: Digest): Promise<number | undefined> {
    return (await unlessAbsent(stat(this.#manifest(digest))))?.size
  }

  writeManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    return replace(this.#manifest(digest), bytes)
  }

  removeManifest(digest: Digest): Promise<void> {
    return rm(this.#manifest(digest), { force: true })
  }

  /** Iterates over the digests of all manifests. */
  async *manifests(): AsyncGenerator<Digest> {
    for (const algorithm of await namesIn(this.#manifests)) {
      for (const prefix of await namesIn(join(this.#manifests, algorithm))) {
        for await (const { name } of await opendir(join(this.#manifests, algorithm, prefix))) {
          const digest = `${algorithm}:${name}`
          if (isDigest(digest)) yield digest
        }
      }
    }
  }

  #manifest(digest: Digest): string {
    const [algorithm = '', hex = ''] = digest.split(':')
    return join(this.#manifests, algorithm, hex.slice(0, 2), hex)
  }

  /** As in the folders of uploads, a nested name has "+", which no name contains, in place of slashes. */
  #listOf({ namespace, name }: StreamName): string {
    return join(this.#repositories, namespace, name.replaceAll('/', '+'), LIST)
  }
}

async function replace(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path))
  await writeFile(path + UNFINISHED, content, { mode: 0o600 })
  await rename(path + UNFINISHED, path)
}

const namesIn = async (folder: string): Promise<string[]> => (await unlessAbsent(readdir(folder))) ?? []

function parseList(text: string): RepositoryList | undefined {
  const list = parseJson(text)
  if (!isObject(list) || list.version !== 1) return undefined
  const { registry, repository, manifests, tags } = list
  const isList =
    typeof registry === 'string' &&
    typeof repository === 'string' &&
    Array.isArray(manifests) &&
    manifests.every(isListed) &&
    Array.isArray(tags) &&
    tags.every(isTag)
  return isList ? (list as unknown as RepositoryList) : undefined
}

const isListed = (value: unknown): boolean =>
  isObject(value) &&
  isDigest(value.digest) &&
  typeof value.mediaType === 'string' &&
  Number.isSafeInteger(value.pushedAt)

const isTag = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.name === 'string' &&
  isTagName(value.name) &&
  isDigest(value.digest) &&
  Number.isSafeInteger(value.at)
