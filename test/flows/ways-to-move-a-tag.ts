import type { Content, Index } from '../fixtures/random-image.ts'
import { type Answered, bearing, type TagServer } from './tag-server.ts'

/** One way in which a client or the server moves or removes the tag `v1` of a stream, whose `other` has the other image. */
export type Way = (server: TagServer, secret: string, stream: string) => Promise<Answered>

/** The images of `v1` and of `other`. */
export interface Images {
  readonly first: Index
  readonly other: Content
}

const request =
  (method: string, pathOf: (images: Images) => string, hasBody = false): Way =>
  async (server, secret, stream) => {
    const { images, url } = server
    const { mediaType, bytes } = images.other
    const response = await fetch(`${url}/v2/team/${stream}/${pathOf(images)}`, {
      method,
      headers: { ...bearing(secret), ...(hasBody && { 'content-type': mediaType }) },
      ...(hasBody && { body: bytes as Uint8Array<ArrayBuffer> }),
    })
    return { isRefused: response.status === 403, text: await response.text() }
  }

const mutation =
  (name: string, inputOf: (server: TagServer, stream: string) => string, payload: string): Way =>
  async (server, secret, stream) => {
    const input = `namespace: "team", ${inputOf(server, stream)}`
    return server.execute(secret, `mutation { ${name}(input: { ${input} }) { ${payload} } }`)
  }

const ofTag = (rest: string) => (_: TagServer, stream: string) =>
  `imageStream: "${stream}", tag: "v1" ${rest}`
const TAG = 'imageStreamTag { name }'
const RESULTS = 'import { state results(first: 5) { nodes { tag state reason message } } }'
const OTHER = 'from: { kind: IMAGE_STREAM_TAG, name: "other" }'

const document = (kind: string, spec: (server: TagServer) => object, options = '') =>
  mutation(
    'applyImageStream',
    (server, name) => {
      const text = JSON.stringify({
        apiVersion: 'image.openshift.io/v1',
        kind,
        metadata: { name },
        ...spec(server),
      })
      return `documents: ${JSON.stringify(text)} ${options}`
    },
    `results { message ${RESULTS} }`,
  )

/** Ways by which the tag gets the other image. */
export const MOVES: Readonly<Record<string, Way>> = {
  'a push by tag': request('PUT', () => 'manifests/v1', true),
  'a push by digest with the tag': request(
    'PUT',
    ({ other }) => `manifests/${other.digest}?tag=new&tag=v1`,
    true,
  ),
  'tagImage, a copy': mutation('tagImage', ofTag(`, ${OTHER}`), TAG),
  'tagImage, an alias': mutation('tagImage', ofTag(`, alias: true, ${OTHER}`), TAG),
  'tagImage by digest': mutation(
    'tagImage',
    ({ images }, stream) =>
      `imageStream: "${stream}", tag: "v1", from: { kind: IMAGE_STREAM_IMAGE, name: "${stream}@${images.other.digest}" }`,
    TAG,
  ),
  'rollbackTag to the image before': mutation('rollbackTag', ofTag(', to: PREVIOUS'), TAG),
  'updateImageStream with setTags': mutation(
    'updateImageStream',
    (_, stream) => `imageStream: "${stream}", setTags: [{ name: "v1", ${OTHER} }]`,
    'imageStream { id }',
  ),
  'updateImageStream with a spec': mutation(
    'updateImageStream',
    (_, stream) => `imageStream: "${stream}", spec: { tags: [{ name: "v1", ${OTHER} }] }`,
    'imageStream { id }',
  ),
  'a document': document('ImageStream', () => ({
    spec: { tags: [{ name: 'v1', from: { kind: 'ImageStreamTag', name: 'other' } }] },
  })),
  'a mirroring': mutation(
    'mirrorImage',
    ({ from }, stream) =>
      `imageStream: "${stream}", tag: "v1", insecure: true, from: { kind: DOCKER_IMAGE, name: "${from}" }`,
    'imageMirroring { state reason message }',
  ),
}

/** Ways by which the server gives the tag the other image, whoever asked for it. */
export const SERVER_MOVES: Readonly<Record<string, Way>> = {
  'importImage with another source': mutation(
    'importImage',
    ({ from }, stream) =>
      `imageStream: "${stream}", tag: "v1", from: "${from}", insecure: true, confirm: true, replaceSource: true`,
    RESULTS,
  ),
  'tagImage from a registry': mutation(
    'tagImage',
    ({ from }, stream) =>
      `imageStream: "${stream}", tag: "v1", insecure: true, from: { kind: DOCKER_IMAGE, name: "${from}" }`,
    RESULTS,
  ),
  'a repository that is imported': mutation(
    'updateImageStream',
    ({ from }, stream) =>
      `imageStream: "${stream}", removeTags: ["v1"], spec: { dockerImageRepository: "${from.replace(/:v1$/, '')}", importPolicy: { insecure: true } }`,
    RESULTS,
  ),
  'an ImageStreamImport': document('ImageStreamImport', ({ from }) => ({
    spec: {
      import: true,
      images: [
        { from: { kind: 'DockerImage', name: from }, to: { name: 'v1' }, importPolicy: { insecure: true } },
      ],
    },
  })),
  'a tag that it follows': async (server, secret, stream) => {
    const steps = [
      `tag: "v1", alias: true, from: { kind: IMAGE_STREAM_TAG, name: "source" }`,
      `tag: "source", ${OTHER}`,
    ]
    let answered: Answered = { isRefused: false, text: '' }
    for (const step of steps)
      answered = await mutation('tagImage', (_, name) => `imageStream: "${name}", ${step}`, TAG)(
        server,
        secret,
        stream,
      )
    return answered
  },
  'a policy': mutation(
    'setTagPolicy',
    (_, stream) =>
      `imageStream: "${stream}", tag: "v1", policy: { order: ALPHABETICAL, filter: { pattern: "^other$" } }`,
    TAG,
  ),
}

/** Ways by which the tag, or what a client pulls by it, is removed. */
export const REMOVALS: Readonly<Record<string, Way>> = {
  'DELETE of the tag': request('DELETE', () => 'manifests/v1'),
  'DELETE of its manifest': request('DELETE', ({ first }) => `manifests/${first.digest}`),
  'DELETE of an image of its index': request(
    'DELETE',
    ({ first }) => `manifests/${first.manifests[0]?.digest}`,
  ),
  'DELETE of a config': request('DELETE', ({ first }) => `blobs/${blobOf(first, 'config')}`),
  'DELETE of a layer': request('DELETE', ({ first }) => `blobs/${blobOf(first, 'layer')}`),
  untagImage: mutation('untagImage', ofTag(''), 'deletedId'),
  deleteImageStream: mutation('deleteImageStream', (_, stream) => `imageStream: "${stream}"`, 'deletedId'),
  'a reference to a registry': mutation(
    'tagImage',
    ofTag(', reference: true, from: { kind: DOCKER_IMAGE, name: "registry.example.org/x:latest" }'),
    TAG,
  ),
}

function blobOf({ manifests: [image] }: Index, part: 'config' | 'layer'): string | undefined {
  if (image?.kind !== 'image') return undefined
  return part === 'config' ? image.config.digest : image.layers[0]?.digest
}
