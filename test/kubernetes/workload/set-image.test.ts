import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEgress, type Egress } from '../../../src/egress/egress.ts'
import { createKubernetesClient } from '../../../src/kubernetes/client/client.ts'
import type { KubernetesClient } from '../../../src/kubernetes/client/kubernetes-client.ts'
import { containersOf } from '../../../src/kubernetes/workload/containers.ts'
import { replacedBy } from '../../../src/kubernetes/workload/contested.ts'
import { desiredChanges } from '../../../src/kubernetes/workload/desired-changes.ts'
import { WORKLOAD_KINDS } from '../../../src/kubernetes/workload/kinds.ts'
import { setImage } from '../../../src/kubernetes/workload/set-image.ts'
import { startBuild } from '../../../src/kubernetes/workload/start-build.ts'
import { updateImages } from '../../../src/kubernetes/workload/update-images.ts'
import { type FakeCluster, startFakeCluster } from '../../fixtures/kubernetes/fake-cluster.ts'
import { valueAt, withValueAt } from '../../fixtures/kubernetes/manifest.ts'
import { buildConfig, workload } from '../../fixtures/kubernetes/manifests.ts'

const { signal } = new AbortController()
const IMAGE = 'registry.example/shop/app@sha256:aaa'
const NEXT = 'registry.example/shop/app@sha256:bbb'

let egress: Egress
let cluster: FakeCluster
let client: KubernetesClient
beforeAll(async () => {
  egress = createEgress({ loopback: true })
  cluster = await startFakeCluster()
  client = createKubernetesClient(cluster.connection, { request: egress.request, now: () => 0 })
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await egress[Symbol.asyncDispose]()
})

const of = (kind: string, name: string, container = 'web') => ({
  kind,
  namespace: 'shop',
  name,
  container,
  image: IMAGE,
})
const imagesOf = (kind: string, name: string) => {
  const found = WORKLOAD_KINDS.get(kind)
  if (!found) throw new Error(`${kind} has no pod spec`)
  return Object.fromEntries(
    containersOf(cluster.read(kind, name), found).map(({ name: container, image }) => [container, image]),
  )
}
const patches = () => cluster.requests.filter(({ method }) => method === 'PATCH').length

describe('setting an image', () => {
  test.each(['Deployment', 'DeploymentConfig', 'StatefulSet', 'DaemonSet', 'CronJob', 'ReplicaSet', 'Pod'])(
    'of a %s changes one container, as the field manager imagestreams',
    async (kind) => {
      const containers = { web: 'web:1', log: 'log:1' }
      cluster.create(workload(kind, { name: 'one', containers, initContainers: { setup: 'setup:1' } }))
      const main = await setImage(client, of(kind, 'one'), signal)
      const init = await setImage(client, of(kind, 'one', 'setup'), signal)

      expect(main).toMatchObject({ changes: [{ container: { image: 'web:1' }, to: IMAGE }], conditions: [] })
      expect(init.conditions).toEqual([])
      expect(imagesOf(kind, 'one')).toEqual({ setup: IMAGE, web: IMAGE, log: 'log:1' })
      expect(cluster.read(kind, 'one').metadata.managedFields).toContainEqual(
        expect.objectContaining({ manager: 'imagestreams' }),
      )
    },
  )

  test('that the container has already sends no patch', async () => {
    cluster.create(workload('Deployment', { name: 'same', containers: { web: IMAGE } }))
    const before = patches()

    expect(await setImage(client, of('Deployment', 'same'), signal)).toMatchObject({
      changes: [],
      conditions: [],
    })
    expect(patches()).toBe(before)
  })

  test('of an unknown container adds none, and names those that exist', async () => {
    cluster.create(workload('Deployment', { name: 'unknown' }))
    const { conditions } = await setImage(client, of('Deployment', 'unknown', 'wep'), signal)

    expect(conditions).toMatchObject([{ reason: 'CONTAINER_UNKNOWN', remedy: 'name one of "web"' }])
    expect(imagesOf('Deployment', 'unknown')).toEqual({ web: 'web:1' })
  })

  test('of a Job is refused in advance: its template is immutable', async () => {
    cluster.create(workload('Job', { name: 'once' }))
    const before = patches()

    expect(await setImage(client, of('Job', 'once'), signal)).toMatchObject({
      changes: [],
      conditions: [{ reason: 'IMMUTABLE', remedy: expect.stringContaining('CronJob') }],
    })
    expect(patches()).toBe(before)
  })

  test('reads the object again after a conflict, and never adds a container that was removed meanwhile', async () => {
    cluster.create(workload('Deployment', { name: 'busy', containers: { web: 'web:1', log: 'log:1' } }))
    let conflicts = 0
    cluster.intercept(({ method }) => {
      if (method === 'PATCH' && conflicts++ === 0) {
        cluster.change('Deployment', 'busy', (object) =>
          withValueAt(object, 'spec.template.spec.containers', [{ name: 'log', image: 'log:2' }]),
        )
      }
      return false
    })
    const { conditions } = await setImage(client, of('Deployment', 'busy'), signal)
    cluster.intercept(() => false)

    expect(conflicts).toBe(1)
    expect(conditions).toMatchObject([{ reason: 'CONTAINER_UNKNOWN' }])
    expect(imagesOf('Deployment', 'busy')).toEqual({ log: 'log:2' })
  })

  test('gives up for now when each attempt conflicts', async () => {
    cluster.create(workload('Deployment', { name: 'fought' }))
    let replicas = 1
    cluster.intercept(({ method }) => {
      if (method === 'PATCH') {
        cluster.change('Deployment', 'fought', (object) => withValueAt(object, 'spec.replicas', ++replicas))
      }
      return false
    })
    await expect(setImage(client, of('Deployment', 'fought'), signal)).rejects.toMatchObject({
      reason: 'Conflict',
    })
    cluster.intercept(() => false)
    expect(replicas).toBe(6)
  })

  test.each([
    ['get', 'deployments', 'apps'],
    ['patch', 'deployments', 'apps'],
  ])(
    'without the permission to %s has a condition that names verb and resource',
    async (verb, resource, group) => {
      cluster.create(workload('Deployment', { name: `no-${verb}` }))
      cluster.forbid({ verb, resource })
      const { conditions } = await setImage(client, of('Deployment', `no-${verb}`), signal)
      cluster.forbid()

      expect(conditions).toMatchObject([
        {
          reason: 'FORBIDDEN',
          message: expect.stringContaining(`cannot ${verb} resource "${resource}"`),
          remedy: `allow the verb ${verb} on ${resource} of the API group "${group}" in the namespace shop`,
        },
      ])
    },
  )

  test('of an object that does not exist has a condition', async () => {
    expect(await setImage(client, of('Deployment', 'gone'), signal)).toMatchObject({
      object: null,
      conditions: [{ reason: 'NOT_FOUND', message: 'deployments.apps "gone" not found' }],
    })
  })

  test.each([
    [422, 'Invalid', 'Deployment.apps "web" is invalid: spec.template: Invalid value'],
    [403, 'Forbidden', 'admission webhook "policy" denied the request: images must be signed'],
  ])('that is refused with %d has the message of the API server', async (status, reason, message) => {
    const name = `refused-${status}`
    cluster.create(workload('Deployment', { name }))
    cluster.intercept(({ method }, response) => {
      if (method === 'PATCH')
        response.writeHead(status).end(JSON.stringify({ kind: 'Status', reason, message }))
      return method === 'PATCH'
    })
    const { conditions } = await setImage(client, of('Deployment', name), signal)
    cluster.intercept(() => false)

    expect(conditions).toMatchObject([{ reason: 'REFUSED', message }])
  })

  test('fails with the error of the client where another attempt may succeed', async () => {
    cluster.intercept((_, response) => {
      response.writeHead(503, { 'retry-after': '5' }).end()
      return true
    })
    await expect(setImage(client, of('Deployment', 'one'), signal)).rejects.toMatchObject({
      status: 503,
      retryAfter: 5_000,
    })
    cluster.intercept(() => false)
  })
})

describe('an update by the triggers of an object', () => {
  test('sets all images, and records them in a DeploymentConfig, by one patch', async () => {
    const from = { kind: 'ImageStreamTag', name: 'app:latest' }
    const imageChangeParams = { automatic: true, containerNames: ['web', 'log'], from }
    const triggers = [{ type: 'ConfigChange' }, { type: 'ImageChange', imageChangeParams }]
    const config = workload('DeploymentConfig', { name: 'all', containers: { web: 'web:1', log: ' ' } })
    cluster.create({ ...config, spec: { ...config.spec, triggers } })
    const before = patches()
    const address = { kind: 'DeploymentConfig', namespace: 'shop', name: 'all' }
    const decide = (object: object) => desiredChanges({ ...object }, () => IMAGE)
    await updateImages(client, address, { decide, signal })
    const again = await updateImages(client, address, { decide, signal })

    expect(imagesOf('DeploymentConfig', 'all')).toEqual({ web: IMAGE, log: IMAGE })
    expect(valueAt(cluster.read('DeploymentConfig', 'all'), 'spec.triggers')).toEqual([
      { type: 'ConfigChange' },
      { type: 'ImageChange', imageChangeParams: { ...imageChangeParams, lastTriggeredImage: IMAGE } },
    ])
    expect(again.changes).toEqual([])
    expect(patches()).toBe(before + 1)
  })
})

describe('an image that another field manager replaces', () => {
  const kind = WORKLOAD_KINDS.get('Deployment')
  const managerOf = (name: string): string | undefined => {
    const object = cluster.read('Deployment', name)
    const [container] = kind ? containersOf(object, kind) : []
    if (!kind || !container) throw new Error('there is no container')
    return replacedBy(object, { kind, container, set: IMAGE })
  }
  const apply = (name: string, path: string, value: unknown, manager: string) =>
    cluster.change('Deployment', name, (object) => withValueAt(object, path, value), { manager })
  const CONTAINERS = 'spec.template.spec.containers'

  test('names that manager', async () => {
    cluster.create(workload('Deployment', { name: 'argo' }))
    await setImage(client, of('Deployment', 'argo'), signal)
    expect(managerOf('argo')).toBeUndefined()
    apply('argo', 'spec.replicas', 3, 'keda')
    expect(managerOf('argo')).toBeUndefined()
    apply('argo', CONTAINERS, [{ name: 'web', image: 'web:1' }], 'argocd-controller')
    expect(managerOf('argo')).toBe('argocd-controller')
  })

  test('names none where this server has set another image itself', async () => {
    cluster.create(workload('Deployment', { name: 'own' }))
    await setImage(client, { ...of('Deployment', 'own'), image: NEXT }, signal)

    expect(managerOf('own')).toBeUndefined()
  })

  test('names an unknown one where the object does not say who owns its fields', async () => {
    if (!kind) throw new Error('there is no kind')
    const object = workload('Deployment')
    const [container] = containersOf(object, kind)

    expect(container && replacedBy(object, { kind, container, set: IMAGE })).toBe('unknown')
  })
})

describe('a build', () => {
  const resolve = () => IMAGE
  const start = (name: string, resolveTag: () => string | undefined = resolve) =>
    startBuild(client, { namespace: 'shop', name }, { resolve: resolveTag, signal })

  test('starts for a new image, with its cause, and once', async () => {
    cluster.create(buildConfig({ name: 'app' }))
    expect(await start('app')).toEqual({ build: 'app-1', conditions: [] })
    expect(await start('app')).toEqual({ build: null, conditions: [] })
    expect(await start('app', () => NEXT)).toEqual({ build: 'app-2', conditions: [] })
    expect(valueAt(cluster.read('Build', 'app-1'), 'spec.triggeredBy')).toEqual([
      {
        message: 'Image change',
        imageChangeBuild: { imageID: IMAGE, fromRef: { kind: 'ImageStreamTag', name: 'ruby:3.3' } },
      },
    ])
  })

  test('that another request has started meanwhile counts as started', async () => {
    cluster.create(buildConfig({ name: 'race' }))
    let isSecond = false
    cluster.intercept(({ method }) => {
      if (method !== 'POST' || isSecond) return false
      isSecond = true
      cluster.change('BuildConfig', 'race', (object) => ({
        ...object,
        status: { imageChangeTriggers: [{ from: { name: 'ruby:3.3' }, lastTriggeredImageID: IMAGE }] },
      }))
      return false
    })
    expect(await start('race')).toEqual({ build: null, conditions: [] })
    cluster.intercept(() => false)
  })

  test('that is not permitted has a condition that names verb and resource', async () => {
    cluster.create(buildConfig({ name: 'no-right' }))
    cluster.forbid({ verb: 'create', resource: 'buildconfigs/instantiate' })
    const { conditions } = await start('no-right')
    cluster.forbid()

    expect(conditions).toMatchObject([
      {
        reason: 'FORBIDDEN',
        remedy:
          'allow the verb create on buildconfigs/instantiate of the API group "build.openshift.io" in the namespace shop',
      },
    ])
  })

  test('of a BuildConfig that does not exist, as in a cluster without OpenShift, has a condition', async () => {
    expect((await start('none')).conditions).toMatchObject([{ reason: 'NOT_FOUND' }])
  })
})
