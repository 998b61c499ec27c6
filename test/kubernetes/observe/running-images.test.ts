import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../../src/oci/json.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { runningPod } from '../../fixtures/kubernetes/manifests.ts'
import { type KubernetesWorld, readWorkloads, startKubernetesWorld } from '../kubernetes-world.ts'

let world: KubernetesWorld
beforeEach(async () => {
  world = await startKubernetesWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const OWNED = (kind: string, name: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: name, controller: true }],
})

/** Creates a pod of a Deployment `web`, which runs an image. */
function createPod(name: string, container: string, digest: string): void {
  const pod: Json = runningPod({
    name,
    containers: { web: container },
    digests: { web: digest },
    labels: { 'pod-template-hash': 'abc' },
  })
  const metadata = { ...(pod.metadata as object), ...OWNED('ReplicaSet', 'web-abc') }
  world.kubernetes.create({ ...pod, metadata })
}

describe('which workload runs which image', () => {
  test('is reported by digest, with the number of pods and how far it is behind its tag', async () => {
    const [old, newest] = [await world.push('one'), await world.push('two')]
    createPod('web-abc-1', `${world.host()}/shop/web:v1`, old)
    createPod('web-abc-2', `${world.host()}/shop/web:v1`, old)
    createPod('web-abc-3', `${world.host()}/shop/web:v1`, newest)
    const [workload] = await eventually(async () => {
      const found = await readWorkloads(world.app.client)
      expect(found[0]?.containers[0]?.running.map(({ podCount }) => podCount).sort()).toEqual([1, 2])
      return found
    })
    expect(workload).toMatchObject({
      cluster: { name: 'production' },
      namespace: 'shop',
      kind: 'Deployment',
      name: 'web',
    })
    const [container] = workload?.containers ?? []
    expect(container).toMatchObject({
      name: 'web',
      imageStream: { name: 'web' },
      tagName: 'v1',
      isBehind: true,
    })
    expect(container?.running).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          digest: old,
          podCount: 2,
          laterEntryCount: 1,
          behindSeconds: expect.any(Number),
        }),
        expect.objectContaining({ digest: newest, podCount: 1, laterEntryCount: 0, behindSeconds: 0 }),
      ]),
    )
  })

  test('is found by image stream, tag, digest, cluster, and by whether it is behind', async () => {
    const digest = await world.push('one')
    createPod('web-abc-1', `${world.host()}/shop/web@${digest}`, digest)
    await eventually(async () => expect(await readWorkloads(world.app.client)).toHaveLength(1))
    const count = async (filter: string) => (await readWorkloads(world.app.client, filter)).length
    expect(await count('(imageStream: "shop/web")')).toBe(1)
    expect(await count('(imageStream: "shop/web:v1")')).toBe(1)
    expect(await count('(imageStream: "shop/web:v2")')).toBe(0)
    expect(await count(`(digest: "${digest}")`)).toBe(1)
    expect(await count('(cluster: "production", clusterNamespace: "shop")')).toBe(1)
    expect(await count('(cluster: "other")')).toBe(0)
    expect(await count('(isBehind: true)')).toBe(0)
    await world.push('two')
    expect(await count('(isBehind: true)')).toBe(1)
    const { imageStream } = await world.app.client.request<{
      imageStream: { workloads: { totalCount: number }; tag: { workloads: { totalCount: number } } }
    }>(
      '{ imageStream(name: "shop/web") { workloads { totalCount } tag(name: "v1") { workloads { totalCount } } } }',
    )
    expect([imageStream.workloads.totalCount, imageStream.tag.workloads.totalCount]).toEqual([1, 1])
  })

  test('has no workloads of images that no image stream has', async () => {
    createPod('web-abc-1', 'docker.io/library/nginx:1', `sha256:${'a'.repeat(64)}`)
    const digest = await world.push('one')
    const api = runningPod({
      name: 'api',
      containers: { api: `mirror.example/web@${digest}` },
      digests: { api: digest },
    })
    world.kubernetes.create(api)
    // found by its digest, though its repository is another
    await eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([
        { kind: 'Pod', name: 'api', containers: [{ imageStream: { name: 'web' }, tagName: 'v1' }] },
      ]),
    )
  })

  test('ends with its pods, also with those that end while the server does not run', async () => {
    const digest = await world.push('one')
    for (const at of [1, 2, 3]) createPod(`web-abc-${at}`, `${world.host()}/shop/web:v1`, digest)
    const podCount = async () =>
      (await readWorkloads(world.app.client))[0]?.containers[0]?.running[0]?.podCount
    await eventually(async () => expect(await podCount()).toBe(3))
    world.kubernetes.remove('Pod', 'web-abc-1')
    await eventually(async () => expect(await podCount()).toBe(2))
    world.kubernetes.remove('Pod', 'web-abc-2')
    world.kubernetes.compact()
    await world.app.restart()
    await eventually(async () => expect(await podCount()).toBe(1))
    world.kubernetes.remove('Pod', 'web-abc-3')
    await eventually(async () => expect(await podCount()).toBeUndefined())
  })

  test('is followed over watches that end, and lists again when the server has forgotten the changes', async () => {
    const digest = await world.push('one')
    const podCount = async () =>
      (await readWorkloads(world.app.client))[0]?.containers[0]?.running[0]?.podCount
    createPod('web-abc-1', `${world.host()}/shop/web:v1`, digest)
    await eventually(async () => expect(await podCount()).toBe(1))
    const lists = () =>
      world.kubernetes.requests.filter(({ url }) => /\/api\/v1\/pods\?limit/.test(url)).length
    const before = lists()
    world.kubernetes.bookmark()
    world.kubernetes.endWatches()
    createPod('web-abc-2', `${world.host()}/shop/web:v1`, digest)
    await eventually(async () => expect(await podCount()).toBe(2))
    expect(lists()).toBe(before)
    world.kubernetes.endWatches()
    world.kubernetes.compact()
    createPod('web-abc-3', `${world.host()}/shop/web:v1`, digest)
    world.kubernetes.compact()
    await eventually(async () => expect(await podCount()).toBe(3))
    expect(lists()).toBe(before + 1)
  })
})
