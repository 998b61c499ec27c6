import type { Secret } from '../../logins/registry-login.ts'
import { basicQuestionOf } from '../harbor/listing.ts'
import type { ToldTag } from '../listing/claims.ts'
import { countOf, type Json, objectOf, objectsOf, timeOf } from '../listing/json.ts'
import type { Vendor } from '../listing/vendor.ts'

const INDEX = 'list.manifest.json'
const MANIFEST = 'manifest.json'

/**
 * What Artifactory stores of a repository's tags, found by a query: a tag is a folder, and its manifest or its index a
 * file in there, which has the digest as its checksum. The first part of the repository's name is Artifactory's own
 * repository; a virtual one may put its name before each path, or not. Source: JFrog, Artifactory Query Language.
 */
export const jfrog: Vendor = {
  title: 'JFrog',
  newestFirst: true,
  serves: (repository) => repository.includes('/'),
  async *pages(desk) {
    const url = await desk.atRegistry('/api/search/aql', '/artifactory')
    const signed = await basicQuestionOf(desk)
    const token = tokenOf((await desk.credential())?.secret)
    const question = {
      ...signed,
      method: 'POST',
      headers: {
        ...signed.headers,
        ...(token !== null && { authorization: `Bearer ${token}` }),
        'content-type': 'text/plain',
      },
      ...(token !== null && { shown: [token] }),
      body: queryOf(desk.repository),
    } as const
    const { results, range } = objectOf(await desk.read(url, question), 'its answer')
    const files = objectsOf(results, 'its list of results')
    const { total } = objectOf(range ?? {}, 'its range')
    const tags = tagsOf(files, desk.repository)
    const counted = countOf(total)
    yield {
      tags,
      entries: files.length,
      total: null,
      isComplete: counted === null || counted <= files.length,
    }
  },
}

const tokenOf = (secret: Secret | undefined): string | null =>
  secret?.kind === 'registry' || secret?.kind === 'identity' ? secret.token : null

const splitName = (repository: string): [key: string, image: string] => {
  const slash = repository.indexOf('/')
  return [repository.slice(0, slash), repository.slice(slash + 1)]
}

function queryOf(repository: string): string {
  const [repo, image] = splitName(repository)
  const files = [{ name: MANIFEST }, { name: INDEX }]
  const where = JSON.stringify({ repo, path: { $match: `${image}/*` }, $or: files })
  // who is no administrator has to ask for the first three
  const fields = ['repo', 'path', 'name', 'sha256', 'modified'].map((field) => JSON.stringify(field))
  return `items.find(${where}).include(${fields.join(',')}).sort({"$desc":["modified"]})`
}

/** Files whose folder is a tag of this image: not one deeper, and not one that stands for a digest. */
function tagsOf(files: readonly Json[], repository: string): ToldTag[] {
  const [key, image] = splitName(repository)
  const found = new Map<string, ToldTag & { readonly isIndex: boolean }>()
  for (const { path, name, sha256, modified } of files) {
    if (typeof path !== 'string' || (name !== MANIFEST && name !== INDEX)) continue
    const inRepository = path.startsWith(`${key}/${image}/`) ? path.slice(key.length + 1) : path
    const tag = inRepository.startsWith(`${image}/`) ? inRepository.slice(image.length + 1) : ''
    if (tag === '' || tag.includes('/') || DIGEST_FOLDER.test(tag)) continue
    const told = {
      tag,
      digest: typeof sha256 === 'string' ? `sha256:${sha256}` : null,
      changedAt: timeOf(modified),
      isIndex: name === INDEX,
    }
    // an index beside a manifest is what the tag means, and the manifest one of its children
    if (told.isIndex || !found.has(tag)) found.set(tag, told)
  }
  return [...found.values()]
}

/** How Artifactory names the folder of a manifest that was pushed by its digest. */
const DIGEST_FOLDER = /^sha256(?::|__)[0-9a-f]{64}$/
