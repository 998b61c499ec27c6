import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeId } from '../../src/graphql/kit/node.ts'
import { eventually } from '../fixtures/eventually.ts'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { history, importImage } from '../flows/operations.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const shared = image({ seed: 'shared' })
const moved = image({ seed: 'moved' })

let upstream: Upstream
let server: SignedInApp
beforeAll(async () => {
  upstream = await startUpstream()
  upstream.push('library/app', 'v1', shared)
  server = await startSignedInApp()
  for (const imageStream of ['secret/app', 'team/app']) await importInto(imageStream, 'v1')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** Runs a mutation as the server admin, and returns the id of what it made. */
async function create(name: string, input: object, made: string): Promise<string> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
  const query = `mutation ($input: ${type}!) { made: ${name}(input: $input) { ${made} { id } } }`
  const { made: payload } = await server
    .as('admin')
    .request<{ made: Record<string, { id: string }> }>(query, { input })
  return payload[made]?.id ?? ''
}

/** Imports `library/app:v1` into a tag as the server admin, which moves the tag where the registry has another image. */
async function importInto(imageStream: string, tag: string): Promise<void> {
  const from = `${upstream.host}/library/app:v1`
  const imported = await importImage(server.as('admin'), {
    ...{ imageStream: `${imageStream}:${tag}`, from, insecure: true, confirm: true },
  })
  expect(imported).toMatchObject({ state: 'SUCCEEDED' })
}

const revoke = (id: string) =>
  server.as('admin').request('mutation ($id: ID!) { revokeGrant(input: { id: $id }) { deletedId } }', { id })

describe('row 23, a stream in one namespace that needs the login of another', () => {
  test('is imported without it', async () => {
    await using guarded = await startUpstream({ auth: { scheme: 'basic', credentials: LOGIN } })
    guarded.push('library/app', 'v1', shared)
    await server
      .as('admin')
      .request(
        'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { __typename } }',
        { input: { namespace: 'secret', prefix: guarded.host, ...LOGIN } },
      )
    const input = { from: `${guarded.host}/library/app:v1`, insecure: true, confirm: true }
    expect(
      await importImage(server.as('member'), { ...input, imageStream: 'team/guarded:v1' }),
    ).toMatchObject({ state: 'FAILED' })
    expect(guarded.log.flatMap(({ headers }) => headers.authorization ?? [])).toEqual([])

    expect(
      await importImage(server.as('admin'), { ...input, imageStream: 'secret/guarded:v1' }),
    ).toMatchObject({ state: 'SUCCEEDED' })
  })
})

describe('row 79, an image that streams of two namespaces have', () => {
  test('leads to the streams that the viewer sees, from each side', async () => {
    const edges = `tags(first: 5) { totalCount nodes { imageStream { namespace } } }`
    const query = `query ($digest: Digest!) {
      image(digest: $digest) { ${edges} }
      imageStream(name: "team/app") { tags(first: 5) { nodes { image { ${edges} } items(first: 5) { nodes { image { ${edges} } } } } } }
    }`
    const read = async (principal: 'admin' | 'member' | 'token') =>
      JSON.stringify(await server.as(principal).request(query, { digest: shared.digest }))
    expect(await read('admin')).toContain('"secret"')
    for (const principal of ['member', 'token'] as const) {
      const found = await read(principal)
      expect(found).toContain('"totalCount":1')
      expect(found).not.toMatch(/secret|"totalCount":[02-9]/)
    }
  })
})

describe('row 80, a subscription', () => {
  const PUSHES = 'subscription { imagePushed(imageStream: "*/app") { imageStreamName tag image { digest } } }'
  interface Pushed {
    readonly imagePushed: { readonly tag: string }
  }

  test('delivers nothing of another namespace, and nothing once a right is removed', async () => {
    const grant = () =>
      create(
        'grantRole',
        { subjectKind: 'USER', subject: 'stranger@example.org', role: 'PULLER', place: 'team/app' },
        'grant',
      )
    const first = await grant()
    const received: string[] = []
    const following = (async () => {
      for await (const { imagePushed } of server.as('stranger').follow<Pushed>(PUSHES)) {
        received.push(imagePushed.tag)
        if (imagePushed.tag === 'again') return
      }
    })()
    // a subscription without a cursor begins with the changes after it: pushed until it has begun
    let pushes = 0
    await eventually(async () => {
      await importInto('team/app', `granted-${pushes++}`)
      expect(received.length).toBeGreaterThan(0)
    })
    await importInto('secret/app', 'hidden')
    await revoke(first)
    await importInto('team/app', 'revoked')
    await grant()
    await importInto('team/app', 'again')
    await following
    expect(received.filter((tag) => !tag.startsWith('granted-'))).toEqual(['again'])
  })
})

describe('row 81, a tag that follows one of another namespace', () => {
  const TAG = `mutation { tagImage(input: {
    imageStream: "team/follower", tag: "x", alias: true, from: { kind: IMAGE_STREAM_TAG, name: "secret/app:v1" }
  }) { imageStreamTag { id } } }`
  const codes = async () =>
    (await server.as('member').execute(TAG)).errors?.map(({ extensions }) => extensions?.code) ?? []

  test('needs the right to pull there, when it is written and at each later move', async () => {
    expect(await codes()).toEqual(['NOT_FOUND'])
    const grant = await create(
      'grantRole',
      { subjectKind: 'USER', subject: 'member@example.org', role: 'PULLER', place: 'secret/app' },
      'grant',
    )
    expect(await codes()).toEqual([])
    await revoke(grant)
    expect(await codes()).toEqual(['NOT_FOUND'])
    upstream.push('library/app', 'v1', moved)
    await importInto('secret/app', 'v1')

    expect(await history(server.as('member'), 'team/follower:x')).toEqual([shared.digest])
    const query = '{ imageStreamTag(name: "team/follower:x") { conditions { reason } } }'
    expect(await server.as('member').request(query)).toEqual({
      imageStreamTag: { conditions: [{ reason: 'NO_PULL_RIGHT' }] },
    })
  })
})

describe('row 83, an id of another namespace in a mutation', () => {
  const PLACE = { role: 'PULLER', place: 'secret/*' }
  const CREATED = {
    Receiver: () =>
      create('createReceiver', { namespace: 'secret', sender: 'GENERIC', registry: 'quay.io' }, 'receiver'),
    Grant: () => create('grantRole', { subjectKind: 'GROUP', subject: 'others', ...PLACE }, 'grant'),
    AccessToken: () => create('createAccessToken', { name: 'of others', grants: [PLACE] }, 'accessToken'),
    FederationRule: () =>
      create(
        'createFederationRule',
        {
          name: 'of others',
          issuer: 'https://id.example.org',
          audience: 'here',
          claims: [{ name: 'sub', patterns: ['x'] }],
          grants: [PLACE],
        },
        'federationRule',
      ),
    TagProtection: () => create('protectTags', { namespace: 'secret', tags: 'v*' }, 'tagProtection'),
    ImageMirroring: () =>
      create(
        'mirrorImage',
        {
          imageStream: 'secret/mirrored:v1',
          from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/library/app:v1` },
        },
        'imageMirroring',
      ),
  }

  const ids = new Map<keyof typeof CREATED, string>()

  test.each([
    ['deleteReceiver', 'Receiver', ''],
    ['updateReceiver', 'Receiver', ', enabled: false'],
    ['rotateReceiverSecret', 'Receiver', ''],
    ['testReceiver', 'Receiver', ''],
    ['revokeGrant', 'Grant', ''],
    ['revokeAccessToken', 'AccessToken', ''],
    ['deleteFederationRule', 'FederationRule', ''],
    ['updateFederationRule', 'FederationRule', ', name: "mine"'],
    ['setFederationRuleDisabled', 'FederationRule', ', disabled: true'],
    ['unprotectTags', 'TagProtection', ''],
    ['cancelImageMirroring', 'ImageMirroring', ''],
  ] as const)('is an unknown id: %s', async (mutation, type, more) => {
    const id = ids.get(type) ?? (await CREATED[type]())
    ids.set(type, id)
    expect(id).not.toBe('')
    for (const principal of ['member', 'stranger', 'token', 'anonymous'] as const) {
      const send = async (which: string) => {
        const { errors } = await server
          .as(principal)
          .execute(`mutation { ${mutation}(input: { id: "${which}"${more} }) { __typename } }`)
        expect(errors).toHaveLength(1)
        const { message, extensions: { requestId: _, ...extensions } = {} } = errors?.[0] ?? {}
        return { message: message?.replaceAll(which, 'ID'), extensions }
      }
      expect(await send(id)).toEqual(await send(nodeId(type, 999_999)))
    }
    const { node } = await server
      .as('admin')
      .request<{ node: object | null }>('query ($id: ID!) { node(id: $id) { id } }', { id })
    expect(node).toEqual({ id })
  })
})
