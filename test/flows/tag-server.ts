import type { Role } from '../../src/access/right/role.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image, index } from '../fixtures/random-image.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream } from '../fixtures/upstream.ts'

/** Whether a request was refused for a missing permission, and its response. */
export interface Answered {
  readonly isRefused: boolean
  readonly text: string
}

/** A server whose namespace `team` has streams with the same tags. */
export type TagServer = Awaited<ReturnType<typeof startTagServer>>

export const bearing = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })

const other = image({ seed: 'other' })
const children = [
  image({ seed: 'first' }),
  image({ seed: 'first', platform: { os: 'linux', architecture: 'arm64' } }),
]
const images = { first: index(children), other }

/** Starts the server, and a registry that has the other image. */
export async function startTagServer() {
  const server = await startSignedInApp()
  const upstream = await startUpstream()
  upstream.push('lab/app', 'v1', other)
  const member = server.as('member')
  const push = new PushClient(server.url, { headers: server.headersOf('member') })
  for (const child of [...children, other]) {
    await push.push({ repository: 'team/base', tag: child.digest }, child, 'one POST')
  }
  for (const [tag, { bytes, mediaType }] of Object.entries(images)) {
    await fetch(`${server.url}/v2/team/base/manifests/${tag}`, {
      method: 'PUT',
      body: bytes as Uint8Array<ArrayBuffer>,
      headers: { ...server.headersOf('member'), 'content-type': mediaType },
    })
  }
  const execute = async (secret: string, query: string): Promise<Answered> => {
    await using client = connect(server.url, secret)
    const response = await client.execute(query)
    const isRefused = response.errors?.some(({ extensions }) => extensions?.code === 'FORBIDDEN') ?? false
    return { isRefused, text: JSON.stringify(response) }
  }

  return {
    url: server.url,
    images,
    /** Pull spec of the other image. */
    from: `${upstream.host}/lab/app:v1`,
    member,
    memberId: server.ids.member,
    memberSecret: server.secrets.member ?? '',
    execute,

    /** Returns an access token with the role in the namespace. */
    async tokenOf(role: Role): Promise<string> {
      const { createAccessToken } = await member.request<{ createAccessToken: { secret: string } }>(
        `mutation { createAccessToken(input: { name: "${role}", grants: [{ role: ${role}, place: "team/*" }] }) { secret } }`,
      )
      return createAccessToken.secret
    },

    /** Creates a stream: `v1` had the other image, and has the first as `source` does; `other` has the other. */
    async addStream(stream: string): Promise<void> {
      const tagged = [
        ['v1', 'other'],
        ['v1', 'first'],
        ['source', 'first'],
        ['other', 'other'],
      ]
      const mutations = tagged.map(
        (
          [tag, from],
          at,
        ) => `step${at}: tagImage(input: { namespace: "team", imageStream: "${stream}", tag: "${tag}",
          from: { kind: IMAGE_STREAM_TAG, name: "base:${from}" } }) { imageStreamTag { name } }`,
      )
      await member.request(`mutation { ${mutations.join('\n')} }`)
    },

    /** Returns the digest of `v1`; null where there is none. */
    async digestOf(stream: string): Promise<string | null> {
      const { imageStreamTag } = await member.request<{
        imageStreamTag: { image: { digest: string } | null } | null
      }>(`{ imageStreamTag(namespace: "team", name: "${stream}:v1") { image { digest } } }`)
      return imageStreamTag?.image?.digest ?? null
    },

    /** Reports whether a client can pull everything that `v1` of the first image has, and its name resolves to it. */
    async isWhole(stream: string): Promise<boolean> {
      const [child] = children
      const parts = child ? [child.digest, child.config.digest, child.layers[0]?.digest] : []
      const paths = [
        'manifests/v1',
        `manifests/${parts[0]}`,
        ...parts.slice(1).map((digest) => `blobs/${digest}`),
      ]
      const statuses = await Promise.all(
        paths.map(async (path) => {
          const response = await fetch(`${server.url}/v2/team/${stream}/${path}`, {
            method: 'HEAD',
            headers: server.headersOf('member'),
          })
          return response.status
        }),
      )
      const { imageStream } = await member.request<{
        imageStream: { spec: { tags: { nodes: object[] } } } | null
      }>(
        `{ imageStream(namespace: "team", name: "${stream}") { spec { tags(first: 10) { nodes { name reference } } } } }`,
      )
      const isReference = JSON.stringify(imageStream).includes('{"name":"v1","reference":true}')
      return statuses.every((status) => status === 200) && !isReference
    },

    async [Symbol.asyncDispose](): Promise<void> {
      await server[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}
