import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { errorsOf } from '../flows/operations.ts'
import { MIRROR_IMAGE, type Mirroring } from '../graphql/mirroring/mirror.ts'

const web = image({ seed: 'web' })
const OF_TEAM = { username: 'team', password: 'password of team' }
const OF_SERVER = { username: 'operator', password: 'password of the operator' }

/** Starts a registry that everybody may read, and this login may push to. */
const startTarget = (credentials: { readonly username: string; readonly password: string }) =>
  startUpstream({ pushes: {}, auth: { scheme: 'basic', credentials } })

const inputOf = (source: Upstream, target: Upstream, more: object = {}) => ({
  namespace: 'team',
  toRepository: `${target.host}/live/web:v1`,
  from: { kind: 'DOCKER_IMAGE', name: `${source.host}/base/web:1.0` },
  insecure: true,
  ...more,
})

interface Mirrored {
  readonly mirrorImage: { readonly imageMirroring: Mirroring }
}

async function setCredential(app: SignedInApp, target: Upstream, namespace: string): Promise<void> {
  await app
    .as('admin')
    .request(
      'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { registryCredential { prefix } } }',
      { input: { namespace, prefix: target.host, ...OF_TEAM } },
    )
}

test('only who may use the credentials of a namespace pushes with them, and the credential of another is never sent', async () => {
  await using source = await startUpstream()
  await using target = await startTarget(OF_TEAM)
  source.push('base/web', '1.0', web)
  await using app = await startSignedInApp({ memberRole: 'EDITOR', tokenRole: 'IMPORTER' })
  await setCredential(app, target, 'secret')
  const run = (who: 'member' | 'token' | 'stranger' | 'anonymous', more: object = {}) =>
    app.as(who).execute(MIRROR_IMAGE, { input: inputOf(source, target, more) })

  expect(errorsOf(await run('token'))).toEqual([{ code: 'FORBIDDEN' }])
  expect(errorsOf(await run('stranger'))).toEqual([{ code: 'FORBIDDEN' }])
  expect(errorsOf(await run('anonymous'))).toEqual([{ code: 'UNAUTHENTICATED' }])
  expect(errorsOf(await run('member', { namespace: 'secret' }))).toEqual([{ code: 'FORBIDDEN' }])
  expect(target.log).toEqual([])
  expect(await run('member')).toMatchObject({
    data: { mirrorImage: { imageMirroring: { state: 'FAILED', reason: 'UNAUTHORIZED' } } },
  })
  expect(target.log.map(({ headers }) => headers.authorization).filter(Boolean)).toEqual([])

  await setCredential(app, target, 'team')

  expect(await run('member')).toMatchObject({
    data: { mirrorImage: { imageMirroring: { state: 'SUCCEEDED' } } },
  })
  const audited = await app
    .as('admin')
    .request(
      '{ auditEntries(filter: { action: "mirrorImage" }, first: 1) { nodes { target principal namespace } } }',
    )
  expect(audited).toMatchObject({
    auditEntries: { nodes: [{ target: `${target.host}/live/web:v1`, namespace: 'team' }] },
  })
})

test('the operator’s login pushes for a server admin, never for another principal', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'docker-config-'))
  await using source = await startUpstream()
  await using target = await startTarget(OF_SERVER)
  source.push('base/web', '1.0', web)
  const path = join(folder, 'config.json')
  const auth = Buffer.from(`${OF_SERVER.username}:${OF_SERVER.password}`).toString('base64')
  await writeFile(path, JSON.stringify({ auths: { [target.host]: { auth } } }))
  await using app = await startSignedInApp({ config: { dockerConfig: path, dockerConfigNamespaces: ['*'] } })
  const run = async (who: 'member' | 'admin') =>
    (
      await app
        .as(who)
        .request<Mirrored>(MIRROR_IMAGE, { input: inputOf(source, target, { insecure: false }) })
    ).mirrorImage.imageMirroring

  expect(await run('member')).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })
  expect(target.log.map(({ headers }) => headers.authorization).filter(Boolean)).toEqual([])
  expect(await run('admin')).toMatchObject({ state: 'SUCCEEDED' })
  await rm(folder, { recursive: true })
})

test('a copy to another registry is seen by who sees the whole namespace, and cancelled by who may use its credentials', async () => {
  await using source = await startUpstream()
  await using target = await startTarget(OF_TEAM)
  source.push('base/web', '1.0', web)
  await using app = await startSignedInApp({ memberRole: 'EDITOR', tokenRole: 'VIEWER' })
  await setCredential(app, target, 'team')
  const gate = target.hold(({ kind }) => kind === 'upload')
  const { mirrorImage } = await app
    .as('member')
    .request<Mirrored>(MIRROR_IMAGE, { input: inputOf(source, target, { waitSeconds: 0 }) })
  const { id } = mirrorImage.imageMirroring
  await gate.arrived(1)

  const list = '{ imageMirrorings { totalCount nodes { source repository tags { nodes { id } } } } }'
  const CANCEL =
    'mutation ($id: ID!) { cancelImageMirroring(input: { id: $id }) { imageMirroring { state } } }'
  const seen = { source: `${source.host}/base/web:1.0`, repository: `${target.host}/live/web` }
  expect(await app.as('token').request(list)).toMatchObject({
    imageMirrorings: { totalCount: 1, nodes: [seen] },
  })
  expect(await app.as('stranger').request(list)).toMatchObject({ imageMirrorings: { totalCount: 0 } })
  const tags = await app.as('member').request<{
    readonly imageMirrorings: { readonly nodes: readonly { tags: { nodes: readonly { id: string }[] } }[] }
  }>(list)
  const tagId = tags.imageMirrorings.nodes[0]?.tags.nodes[0]?.id
  const node = 'query ($id: ID!) { node(id: $id) { __typename } }'
  expect(await app.as('token').request(node, { id: tagId })).toEqual({ node: { __typename: 'MirroredTag' } })
  expect(await app.as('stranger').request(node, { id: tagId })).toEqual({ node: null })
  expect(errorsOf(await app.as('stranger').execute(CANCEL, { id }))).toEqual([{ code: 'NOT_FOUND' }])
  expect(errorsOf(await app.as('token').execute(CANCEL, { id }))).toEqual([{ code: 'FORBIDDEN' }])
  expect(await app.as('member').request(CANCEL, { id })).toEqual({
    cancelImageMirroring: { imageMirroring: { state: 'CANCELLED' } },
  })
  gate.open()
})

test('who does not see the stream from which images were copied sees no name of it', async () => {
  await using source = await startUpstream()
  source.push('base/web', '1.0', web)
  await using app = await startSignedInApp()
  const copy = (input: object) => app.as('admin').request(MIRROR_IMAGE, { input })
  await copy({
    ...{ namespace: 'secret', imageStream: 'web', tag: 'v1', insecure: true },
    from: { kind: 'DOCKER_IMAGE', name: `${source.host}/base/web:1.0` },
  })
  const from = { kind: 'IMAGE_STREAM_TAG', name: 'secret/web:v1' }
  await copy({ namespace: 'team', imageStream: 'web', tag: 'v1', from })
  await copy({ namespace: 'team', imageStream: 'web', tags: '*', from: { ...from, name: 'secret/web' } })

  const query =
    '{ imageMirrorings(namespace: "team") { nodes { state source tags { nodes { source state } } } } }'
  const tags = { nodes: [{ source: null, state: expect.stringMatching(/COPIED|UNCHANGED/) }] }
  const hidden = { state: 'SUCCEEDED', source: null, tags }
  expect(await app.as('member').request(query)).toEqual({ imageMirrorings: { nodes: [hidden, hidden] } })
  expect(JSON.stringify(await app.as('admin').request(query))).toContain('"secret/web"')
})

test('an image that the requester may not pull is not copied out', async () => {
  await using source = await startUpstream()
  await using target = await startTarget(OF_TEAM)
  source.push('base/web', '1.0', web)
  await using app = await startSignedInApp({ memberRole: 'EDITOR' })
  await setCredential(app, target, 'team')
  await app.as('admin').request(MIRROR_IMAGE, {
    input: {
      ...{ namespace: 'secret', imageStream: 'web', tag: 'v1', insecure: true },
      from: { kind: 'DOCKER_IMAGE', name: `${source.host}/base/web:1.0` },
    },
  })
  const own = `localhost:${new URL(app.url).port}`
  const froms = [
    [{ kind: 'DOCKER_IMAGE', name: `${own}/secret/web:v1` }, undefined],
    [{ kind: 'IMAGE_STREAM_TAG', name: 'secret/web:v1' }, undefined],
    [{ kind: 'DOCKER_IMAGE', name: `${own}/secret/web` }, '*'],
    [{ kind: 'IMAGE_STREAM_TAG', name: 'secret/web' }, '*'],
  ] as const

  for (const [from, tags] of froms) {
    const toRepository = `${target.host}/live/web${tags ? '' : ':v1'}`
    const input = inputOf(source, target, { from, toRepository, ...(tags && { tags }) })
    for (const more of [{}, { dryRun: true }]) {
      const result = await app.as('member').execute(MIRROR_IMAGE, { input: { ...input, ...more } })
      expect(errorsOf(result), from.name).toEqual([{ code: 'NOT_FOUND' }])
    }
  }
  expect(target.tags('live/web').size).toBe(0)
})
