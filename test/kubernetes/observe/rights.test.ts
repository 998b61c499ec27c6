import { expect, test } from 'vitest'
import { eventually } from '../../fixtures/eventually.ts'
import { startFakeCluster } from '../../fixtures/kubernetes/fake-cluster.ts'
import { kubeconfigOf } from '../../fixtures/kubernetes/kubectl.ts'
import { runningPod, workload } from '../../fixtures/kubernetes/manifests.ts'
import { PushClient } from '../../fixtures/push-client.ts'
import { image } from '../../fixtures/random-image.ts'
import { hostOf, startSignedInApp } from '../../fixtures/signed-in-app.ts'
import { readWorkloads } from '../kubernetes-world.ts'

test('a viewer sees workloads, and of them the containers, with image streams that it may view', async () => {
  await using kubernetes = await startFakeCluster()
  await using server = await startSignedInApp()
  const registry = new PushClient(server.url, { headers: server.headersOf('admin') })
  const [own, foreign] = [image({ seed: 'own' }), image({ seed: 'foreign' })]
  await registry.push({ repository: 'team/app', tag: 'v1' }, own, 'one POST')
  await registry.push({ repository: 'secret/app', tag: 'v1' }, foreign, 'one POST')
  await server.as('admin').request(
    `mutation ($kubeconfig: String!) { connectCluster(input: { name: "production", kubeconfig: $kubeconfig,
      openings: [{ clusterNamespaces: "shop", namespaces: "*" }] }) { cluster { name } } }`,
    { kubeconfig: kubeconfigOf(kubernetes) },
  )
  const pod = (name: string, images: Readonly<Record<string, typeof own>>) =>
    runningPod({
      name,
      containers: Object.fromEntries(
        Object.keys(images).map((stream) => [stream, `${hostOf(server)}/${stream}/app:v1`]),
      ),
      digests: Object.fromEntries(Object.entries(images).map(([stream, { digest }]) => [stream, digest])),
    })
  kubernetes.create(pod('both', { team: own, secret: foreign }))
  kubernetes.create(pod('hidden', { secret: foreign }))
  // in a namespace that is not opened
  kubernetes.create({ ...pod('closed', { team: own }), metadata: { name: 'closed', namespace: 'lab' } })

  await eventually(async () => expect(await readWorkloads(server.as('admin'))).toHaveLength(3))
  const seen = await readWorkloads(server.as('member'))
  expect(seen.map(({ name }) => name)).toEqual(['both'])
  expect(seen[0]?.containers.map(({ name }) => name)).toEqual(['team'])
  expect(seen[0]?.cluster).toEqual({ name: 'production' })
  expect(await readWorkloads(server.as('member'), `(digest: "${foreign.digest}")`)).toEqual([])
  expect(await readWorkloads(server.as('stranger'))).toEqual([])

  const followed = (name: string, namespace: string) => ({
    from: { kind: 'ImageStreamTag', name: 'app:missing', namespace },
    fieldPath: `spec.template.spec.containers[?(@.name=="${name}")].image`,
  })
  const annotations = {
    'image.openshift.io/triggers': JSON.stringify([followed('own', 'team'), followed('foreign', 'secret')]),
  }
  const containers = { own: `${hostOf(server)}/team/app:v1`, foreign: 'busybox' }
  kubernetes.create(workload('Deployment', { name: 'annotated', namespace: 'shop', annotations, containers }))
  const problemsOf = async (principal: 'admin' | 'member') => {
    const { workloads } = await server.as(principal).request<{
      workloads: { nodes: readonly { name: string; conditions: readonly { message: string }[] }[] }
    }>('{ workloads { nodes { name conditions { message } } } }')
    return workloads.nodes.find(({ name }) => name === 'annotated')?.conditions.map(({ message }) => message)
  }
  const NO_IMAGE = [
    'the tag team/app:missing has no image yet',
    'the tag secret/app:missing has no image yet',
  ]
  await eventually(async () => expect(await problemsOf('admin')).toEqual(NO_IMAGE))
  expect(JSON.stringify(await problemsOf('member'))).not.toContain('secret')
  expect(await problemsOf('member')).toHaveLength(2)
  const { data } = await server.as('anonymous').execute('{ workloads { totalCount nodes { name } } }')
  expect(data).toEqual({ workloads: { totalCount: 0, nodes: [] } })
})
