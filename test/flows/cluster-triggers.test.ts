import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { valueAt } from '../fixtures/kubernetes/manifest.ts'
import { buildConfig, workload } from '../fixtures/kubernetes/manifests.ts'
import { type KubernetesWorld, startKubernetesWorld } from '../kubernetes/kubernetes-world.ts'

const CREATE = `mutation ($input: CreateTriggerInput!) { createTrigger(input: $input) { trigger { id
  action { kind host setImage { cluster clusterNamespace kind workload container }
    startBuild { cluster clusterNamespace buildConfig } } } } }`
const RETRY =
  'mutation ($trigger: ID!) { retryDeliveries(input: { trigger: $trigger }) { triggerTargets { tagName } } }'
const DELIVERED = `{ imageStreamTag(namespace: "shop", name: "web:v1") { triggerTargets { nodes {
  state message lastDelivery { message attempts { httpStatus response message } } } } } }`

interface Delivered {
  readonly imageStreamTag: {
    readonly triggerTargets: {
      readonly nodes: readonly {
        readonly state: string
        readonly message: string | null
        readonly lastDelivery: {
          readonly attempts: readonly {
            httpStatus: number | null
            response: string
            message: string | null
          }[]
        } | null
      }[]
    }
  }
}

let world: KubernetesWorld
beforeEach(async () => {
  world = await startKubernetesWorld()
  await world.push('first')
})
afterEach(() => world[Symbol.asyncDispose]())

const create = async (action: object): Promise<{ readonly id: string; readonly action: object }> => {
  const input = { namespace: 'shop', name: 'deploy', imageStreams: 'web', tags: 'v1', action }
  const { createTrigger } = await world.app.client.request<{
    createTrigger: { trigger: { id: string; action: object } }
  }>(CREATE, { input })
  return createTrigger.trigger
}
const target = async () => {
  const { imageStreamTag } = await world.app.client.request<Delivered>(DELIVERED)
  return imageStreamTag.triggerTargets.nodes[0]
}
const imageOf = (name: string) =>
  valueAt(world.kubernetes.read('Deployment', name), 'spec.template.spec.containers')

const setImage = {
  cluster: 'production',
  clusterNamespace: 'shop',
  kind: 'DEPLOYMENT',
  workload: 'web',
  container: 'web',
}

describe('a trigger', () => {
  test('sets the image of a container by digest when its tag moves, and shows what it did', async () => {
    world.kubernetes.create(workload('Deployment', { containers: { web: 'web:1', log: 'log:1' } }))
    const { action } = await create({ setImage })
    const digest = await world.push('second')
    await expect.poll(async () => (await target())?.state).toBe('IDLE')
    await expect.poll(async () => (await target())?.lastDelivery?.attempts.length).toBe(1)
    const delivered = await target()

    expect(action).toEqual({ kind: 'SET_IMAGE', host: 'cluster production', setImage, startBuild: null })
    expect(imageOf('web')).toEqual([
      { name: 'web', image: `${world.host()}/shop/web@${digest}` },
      { name: 'log', image: 'log:1' },
    ])
    expect(delivered?.lastDelivery?.attempts).toEqual([
      {
        httpStatus: 200,
        response: expect.stringContaining('container web of Deployment shop/web is set to'),
        message: null,
      },
    ])
  })

  test('starts a build when its tag moves', async () => {
    world.kubernetes.create(buildConfig({ triggers: [] }))
    const startBuild = { cluster: 'production', clusterNamespace: 'shop', buildConfig: 'app' }
    const { action } = await create({ startBuild })
    await world.push('second')
    await expect
      .poll(() => valueAt(world.kubernetes.read('BuildConfig', 'app'), 'status.lastVersion'))
      .toBe(1)

    expect(action).toEqual({ kind: 'START_BUILD', host: 'cluster production', setImage: null, startBuild })
    expect(valueAt(world.kubernetes.read('Build', 'app-1'), 'spec.triggeredBy')).toMatchObject([
      { imageChangeBuild: { fromRef: { namespace: 'shop', name: 'web:v1' } } },
    ])
  })

  test('says what a person has to do, and acts when it is retried after that', async () => {
    world.kubernetes.create(workload('Deployment', { containers: { main: 'web:1' } }))
    const { id } = await create({ setImage })
    const digest = await world.push('second')
    await expect.poll(async () => (await target())?.state).toBe('DEAD')
    expect((await target())?.message).toBe(
      'the object has no container "web", so that no image is set: name one of "main"',
    )
    world.kubernetes.remove('Deployment', 'web')
    world.kubernetes.create(workload('Deployment'))
    await world.app.client.request(RETRY, { trigger: id })

    await expect
      .poll(() => imageOf('web'))
      .toEqual([{ name: 'web', image: `${world.host()}/shop/web@${digest}` }])
  })

  test('of a namespace that the cluster is not opened to changes nothing', async () => {
    world.kubernetes.create(workload('Deployment', { namespace: 'kube-system' }))
    await create({ setImage: { ...setImage, clusterNamespace: 'kube-system' } })
    await world.push('second')
    await expect.poll(async () => (await target())?.state).toBe('DEAD')

    expect((await target())?.message).toContain('opens its namespace kube-system to the namespace shop')
    expect(valueAt(world.kubernetes.read('Deployment', 'web', 'kube-system'), 'metadata.generation')).toBe(1)
  })
})
