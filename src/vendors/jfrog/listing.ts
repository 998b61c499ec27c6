import type { Secret } from '../../logins/registry-login.ts'
import type { Json } from '../../oci/json.ts'
import { countOf, objectOf, objectsOf, timeOf } from '../listing/response.ts'
import type { RawTag, Vendor } from '../listing/vendor.ts'
import { type VendorClient, type VendorRequest, withBasic } from '../listing/vendor-client.ts'

const INDEX = 'list.manifest.json'
const MANIFEST = 'manifest.json'
/** Artifactory's name of the folder of a manifest that was pushed by digest. */
const DIGEST_FOLDER = /^sha256(?::|__)[0-9a-f]{64}$/

/**
 * The files of a repository's tags in Artifactory, found by a query: each tag is a folder, and its manifest or index is a
 * file in it with the digest as its checksum. The first part of the repository's name is the repository of Artifactory; a
 * virtual one may prefix each path with its name. Source: JFrog, Artifactory Query Language.
 */
export const jfrog: Vendor = {
  title: 'JFrog',
  newestFirst: true,
  hasHost: (name) => name.endsWith('.jfrog.io'),
  headers: ['x-jfrog-version', 'x-artifactory-id'],
  sends: ({ parameters }) => parameters.get('realm') === 'Artifactory Realm',
  serves: (repository) => repository.includes('/'),
  async *pages(client) {
    const url = await client.registryUrlOf('/api/search/aql', '/artifactory')
    const query = await queryOf(client)
    const { results, range } = objectOf(await client.jsonOf(url, await client.request(url, query), query))
    const files = objectsOf(results, 'its list of results')
    const { total } = objectOf(range ?? {}, 'its range')
    const count = countOf(total)
    yield {
      tags: tagsOf(files, client.repository),
      entries: files.length,
      isComplete: count === null || count <= files.length,
    }
  },
}

async function queryOf(client: VendorClient): Promise<VendorRequest> {
  const request = await withBasic(client)
  const token = tokenOf((await client.credential())?.secret)
  return {
    ...request,
    method: 'POST',
    headers: {
      ...request.headers,
      ...(token !== null && { authorization: `Bearer ${token}` }),
      'content-type': 'text/plain',
    },
    ...(token !== null && { secrets: [token] }),
    body: aqlOf(client.repository),
  }
}

const tokenOf = (secret: Secret | undefined): string | null =>
  secret?.kind === 'registry' || secret?.kind === 'identity' ? secret.token : null

const splitName = (repository: string): [key: string, image: string] => {
  const slash = repository.indexOf('/')
  return [repository.slice(0, slash), repository.slice(slash + 1)]
}

function aqlOf(repository: string): string {
  const [repo, image] = splitName(repository)
  const files = [{ name: MANIFEST }, { name: INDEX }]
  const where = JSON.stringify({ repo, path: { $match: `${image}/*` }, $or: files })
  // Artifactory requires the first three of users who are not administrators
  const fields = ['repo', 'path', 'name', 'sha256', 'modified'].map((field) => JSON.stringify(field))
  return `items.find(${where}).include(${fields.join(',')}).sort({"$desc":["modified"]})`
}

/** Returns the tags: folders directly below the image's that are not named by a digest. */
function tagsOf(files: readonly Json[], repository: string): RawTag[] {
  const [key, image] = splitName(repository)
  const found = new Map<string, RawTag>()
  for (const { path, name, sha256, modified } of files) {
    if (typeof path !== 'string' || (name !== MANIFEST && name !== INDEX)) continue
    const inRepository = path.startsWith(`${key}/${image}/`) ? path.slice(key.length + 1) : path
    const tag = inRepository.startsWith(`${image}/`) ? inRepository.slice(image.length + 1) : ''
    if (tag === '' || tag.includes('/') || DIGEST_FOLDER.test(tag)) continue
    const digest = typeof sha256 === 'string' ? `sha256:${sha256}` : null
    // a tag with an index and a manifest points to the index, and the manifest is one of its children
    if (name === INDEX || !found.has(tag)) found.set(tag, { tag, digest, changedAt: timeOf(modified) })
  }
  return [...found.values()]
}
