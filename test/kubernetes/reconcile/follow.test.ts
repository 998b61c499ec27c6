import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../fixtures/eventually.ts'
import { buildConfig, workload } from '../../fixtures/kubernetes/manifests.ts'
import { type KubernetesWorld, readWorkloads, startKubernetesWorld } from '../kubernetes-world.ts'
import { imageOf, setImageAs, triggers } from './deployments.ts'

let world: KubernetesWorld
beforeEach(async () => {
  world = await startKubernetesWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const patches = () => world.kubernetes.requests.filter(({ method }) => method === 'PATCH')
const pullSpec = (digest: string, repository = 'shop/web') => `${world.host()}/${repository}@${digest}`

describe('a workload with the annotation', () => {
  test('gets the image of its tag, and each newer one, without a trigger here', async () => {
    const [first] = [await world.push('one')]
    world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
    await eventually(() => expect(imageOf(world, 'Deployment')).toBe(pullSpec(first)))
    const second = await world.push('two')
    await eventually(() => expect(imageOf(world, 'Deployment')).toBe(pullSpec(second)))
    expect(patches()).toHaveLength(2)
    const [found] = await eventually(async () => {
      const all = await readWorkloads(world.app.client, '(imageStream: "shop/web:v1")')
      expect(all[0]?.containers[0]?.specifiedImage).toBe(pullSpec(second))
      return all
    })
    expect(found).toMatchObject({
      hasTriggers: true,
      conditions: [],
      containers: [{ isFollowing: true, tagName: 'v1' }],
    })
  })

  test.each(['StatefulSet', 'DaemonSet', 'ReplicaSet', 'CronJob', 'Pod'])('may be a %s', async (kind) => {
    const digest = await world.push('one')
    world.kubernetes.create(workload(kind, { annotations: triggers('web:v1', kind) }))
    await eventually(() => expect(imageOf(world, kind)).toBe(pullSpec(digest)))
  })

  test('may be a DeploymentConfig with triggers in its spec', async () => {
    const digest = await world.push('one')
    const config = workload('DeploymentConfig')
    const from = { kind: 'ImageStreamTag', name: 'web:v1' }
    const imageChangeParams = { automatic: true, containerNames: ['web'], from }
    const spec = { ...config.spec, triggers: [{ type: 'ImageChange', imageChangeParams }] }
    world.kubernetes.create({ ...config, spec })
    await eventually(() => expect(imageOf(world, 'DeploymentConfig')).toBe(pullSpec(digest)))
  })

  test('that another workload has made is left to that one, which copies its annotations', async () => {
    const digest = await world.push('one')
    const made = workload('ReplicaSet', { name: 'web-5d9', annotations: triggers('web:v1', 'ReplicaSet') })
    const controller = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: '1', controller: true }
    world.kubernetes.create({
      ...made,
      metadata: { ...(made.metadata as object), ownerReferences: [controller] },
    })
    world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
    await eventually(() => expect(imageOf(world, 'Deployment')).toBe(pullSpec(digest)))
    expect(imageOf(world, 'ReplicaSet', 'web', 'web-5d9')).toBe('web:1')
    expect((await readWorkloads(world.app.client)).map(({ kind }) => kind)).toEqual(['Deployment'])
  })

  test('is followed no longer once its annotation is removed, or its cluster is disconnected', async () => {
    const digest = await world.push('one')
    for (const name of ['web', 'api']) {
      world.kubernetes.create(workload('Deployment', { name, annotations: triggers('web:v1') }))
      await eventually(() => expect(imageOf(world, 'Deployment', 'web', name)).toBe(pullSpec(digest)))
    }
    world.kubernetes.change('Deployment', 'web', (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: {} },
    }))
    await eventually(async () =>
      expect((await readWorkloads(world.app.client)).map(({ name }) => name)).toEqual(['api']),
    )
    const second = await world.push('two')
    await eventually(() => expect(imageOf(world, 'Deployment', 'web', 'api')).toBe(pullSpec(second)))
    expect(imageOf(world, 'Deployment')).toBe(pullSpec(digest))
    await world.app.client.request(
      'mutation { disconnectCluster(input: { name: "production" }) { deletedId } }',
    )
    expect(await readWorkloads(world.app.client)).toEqual([])
    await eventually(() => expect(world.kubernetes.watches).toBe(0))
  })

  test('gets all images that differ by one request', async () => {
    const web = await world.push('one')
    const db = await world.push('db', { repository: 'shop/db', tag: 'v1' })
    const annotations = {
      'image.openshift.io/triggers': JSON.stringify([
        ...JSON.parse(triggers('web:v1')['image.openshift.io/triggers']),
        ...JSON.parse(triggers('db:v1', 'Deployment', 'db')['image.openshift.io/triggers']),
      ]),
    }
    world.kubernetes.create(workload('Deployment', { annotations, containers: { web: 'web:0', db: 'db:0' } }))
    await eventually(() => expect(imageOf(world, 'Deployment', 'db')).toBe(pullSpec(db, 'shop/db')))
    expect(imageOf(world, 'Deployment')).toBe(pullSpec(web))
    expect(patches()).toHaveLength(1)
  })

  test('that is applied with an old image is corrected', async () => {
    const digest = await world.push('one')
    world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
    await eventually(() => expect(imageOf(world, 'Deployment')).toBe(pullSpec(digest)))
    setImageAs(world, 'kubectl', 'web:old')
    await eventually(() => expect(imageOf(world, 'Deployment')).toBe(pullSpec(digest)))
  })

  test('gets a tag that did not exist as soon as it does; before, a condition says so', async () => {
    world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
    await eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([
        { conditions: [{ reason: 'TAG_UNKNOWN', remedy: expect.any(String) }] },
      ]),
    )
    const digest = await world.push('one')
    await eventually(() => expect(imageOf(world, 'Deployment')).toBe(pullSpec(digest)))
    await eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([{ conditions: [] }]),
    )
  })

  test('of a namespace that is not opened gets nothing, and a condition says so', async () => {
    await world.push('one', { repository: 'secret/web', tag: 'v1' })
    world.kubernetes.create(
      workload('Deployment', { annotations: triggers('web:v1', 'Deployment', 'web', 'secret') }),
    )
    await eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([
        { conditions: [{ reason: 'NOT_OPENED', message: expect.stringContaining('secret/web:v1') }] },
      ]),
    )
    expect(imageOf(world, 'Deployment')).toBe('web:1')
    await world.app.client.request(
      `mutation { updateCluster(input: { name: "production", openings: [{ clusterNamespaces: "shop", namespaces: "*" }] }) { cluster { name } } }`,
    )
    await eventually(() => expect(imageOf(world, 'Deployment')).toContain('/secret/web@'))
  })

  test('with a mistake keeps its images, and a condition says what to correct', async () => {
    await world.push('one')
    const annotations = triggers('web:v1', 'Deployment', 'wbe')
    world.kubernetes.create(workload('Deployment', { annotations }))
    await eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([
        {
          conditions: [
            { reason: 'CONTAINER_UNKNOWN', remedy: 'name one of "web"', fieldPath: expect.any(String) },
          ],
        },
      ]),
    )
    expect(imageOf(world, 'Deployment')).toBe('web:1')
    expect(patches()).toHaveLength(0)
  })

  test('needs a permission, whose lack is a condition', async () => {
    world.kubernetes.forbid({ verb: 'patch', resource: 'deployments' })
    await world.push('one')
    world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
    await eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([
        { conditions: [{ reason: 'FORBIDDEN', remedy: expect.stringContaining('patch on deployments') }] },
      ]),
    )
  })
})

test('a BuildConfig starts one build for each image', async () => {
  const builds = () => world.kubernetes.requests.filter(({ url }) => url.includes('/instantiate'))
  await world.push('one', { repository: 'shop/ruby', tag: '3.3' })
  world.kubernetes.create(buildConfig({ from: 'ruby:3.3' }))
  await eventually(() => expect(builds()).toHaveLength(1))
  const second = await world.push('two', { repository: 'shop/ruby', tag: '3.3' })
  await eventually(() => expect(builds()).toHaveLength(2))
  expect(builds()[1]?.body).toContain(second)
  await eventually(async () =>
    expect(await readWorkloads(world.app.client, '(imageStream: "shop/ruby")')).toMatchObject([
      { kind: 'BuildConfig', containers: [{ tagName: '3.3', isFollowing: true }] },
    ]),
  )
})
