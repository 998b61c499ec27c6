import { createHash } from 'node:crypto'
import type { TestApp } from '../../fixtures/app.ts'
import { errorsOf } from '../../flows/operations.ts'

/** All fields of a mirroring that do not depend on time. */
export const MIRRORING = `id state repository tag source digest manifestCount blobCount storedBlobCount size storedSize
  fetchedSize reason message`

/** A mirroring as the API returns it. */
export interface Mirroring {
  readonly id: string
  readonly state: string
  readonly repository: string
  readonly tag: string
  readonly source: string
  readonly digest: string | null
  readonly manifestCount: number | null
  readonly blobCount: number | null
  readonly storedBlobCount: number
  readonly size: number | null
  readonly storedSize: number
  readonly fetchedSize: number
  readonly reason: string | null
  readonly message: string | null
}

export const MIRROR_IMAGE = `mutation ($input: MirrorImageInput!) { mirrorImage(input: $input) {
  imageMirroring { ${MIRRORING} }
  plan { digest manifestCount blobCount size fetchBlobCount fetchSize }
  imageStreamTag { name dockerImageReference image { digest } } } }`

interface Mirrored {
  readonly imageMirroring: Mirroring | null
  readonly plan: object | null
  readonly imageStreamTag: {
    readonly dockerImageReference: string
    readonly image: { readonly digest: string }
  } | null
}

/** Returns the input for an image of a registry, into the tag `v1` of `shop/web`. */
export const inputOf = (reference: string, more: object = {}) => ({
  namespace: 'shop',
  imageStream: 'web',
  tag: 'v1',
  from: { kind: 'DOCKER_IMAGE', name: reference },
  ...more,
})

/** Runs `mirrorImage`. Throws for an error. */
export async function mirrorImage({ client }: TestApp, input: object): Promise<Mirrored> {
  const { mirrorImage } = await client.request<{ mirrorImage: Mirrored }>(MIRROR_IMAGE, { input })
  return mirrorImage
}

/** Runs `mirrorImage`, and returns the mirroring. */
export async function mirror(app: TestApp, reference: string, more: object = {}): Promise<Mirroring> {
  const { imageMirroring } = await mirrorImage(app, inputOf(reference, more))
  if (!imageMirroring) throw new Error('there is no mirroring')
  return imageMirroring
}

/** Runs `mirrorImage`, and returns the codes and fields of its errors. */
export const refused = async ({ client }: TestApp, input: object): Promise<readonly object[]> =>
  errorsOf(await client.execute(MIRROR_IMAGE, { input }))

/** Returns the mirroring in its present state. */
export async function mirroringOf({ client }: TestApp, id: string): Promise<Mirroring> {
  const { node } = await client.request<{ node: Mirroring }>(
    `query ($id: ID!) { node(id: $id) { ... on ImageMirroring { ${MIRRORING} } } }`,
    { id },
  )
  return node
}

/** Follows a mirroring until it ends, and returns its last state. */
export async function ended({ client }: TestApp, id: string): Promise<Mirroring> {
  let last: Mirroring | undefined
  const followed = client.follow<{ imageMirroringProgressed: Mirroring }>(
    `subscription ($id: ID!) { imageMirroringProgressed(id: $id) { ${MIRRORING} } }`,
    { id },
  )
  for await (const { imageMirroringProgressed } of followed) last = imageMirroringProgressed
  if (!last) throw new Error('the subscription delivered nothing')
  return last
}

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Requests a manifest of the integrated registry. Returns the status, and the digest of the bytes. */
export async function pulledManifest({ app }: TestApp, repository: string, reference: string) {
  const response = await fetch(`${app.url}/v2/${repository}/manifests/${reference}`, {
    headers: { accept: ACCEPT },
  })
  return { status: response.status, digest: await digestOfBody(response) }
}

/** Requests a blob of the integrated registry. Returns the status, and the digest of the bytes. */
export async function pulledBlob({ app }: TestApp, repository: string, digest: string) {
  const response = await fetch(`${app.url}/v2/${repository}/blobs/${digest}`)
  return { status: response.status, digest: await digestOfBody(response) }
}

const digestOfBody = async (response: Response): Promise<string> =>
  `sha256:${createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')}`

/** Returns the tags of a repository of the integrated registry; null for an unknown one. */
export async function tagsOf({ app }: TestApp, repository: string): Promise<readonly string[] | null> {
  const response = await fetch(`${app.url}/v2/${repository}/tags/list`)
  return response.ok ? ((await response.json()) as { tags: readonly string[] }).tags : null
}
