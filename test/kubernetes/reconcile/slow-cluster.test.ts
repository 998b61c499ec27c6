import { expect, test } from 'vitest'
import { eventually } from '../../fixtures/eventually.ts'
import { startFakeCluster } from '../../fixtures/kubernetes/fake-cluster.ts'
import { workload } from '../../fixtures/kubernetes/manifests.ts'
import { connectCluster, readWorkloads, startKubernetesWorld } from '../kubernetes-world.ts'
import { imageOf, triggers } from './deployments.ts'

test('a cluster that accepts requests and never responds delays no other', async () => {
  await using world = await startKubernetesWorld()
  await using silent = await startFakeCluster()
  for (const at of [1, 2, 3, 4, 5, 6]) {
    silent.create(workload('Deployment', { name: `web-${at}`, annotations: triggers('web:v1') }))
  }
  await connectCluster(world.app.client, silent, 'silent')
  await eventually(async () =>
    expect(await readWorkloads(world.app.client, '(cluster: "silent")')).toHaveLength(6),
  )
  silent.intercept(() => true)

  const digest = await world.push('one')
  world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))

  await eventually(() => expect(imageOf(world, 'Deployment')).toBe(`${world.host()}/shop/web@${digest}`))
  const second = await world.push('two')
  await eventually(() => expect(imageOf(world, 'Deployment')).toBe(`${world.host()}/shop/web@${second}`))
})

test('a request that fails is repeated, which a condition and the metrics show meanwhile', async () => {
  await using world = await startKubernetesWorld()
  await world.push('one')
  let isDown = true
  world.kubernetes.intercept(({ method }, response) => {
    if (!isDown || method !== 'PATCH') return false
    response.writeHead(503).end()
    return true
  })
  world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
  await eventually(async () =>
    expect(await readWorkloads(world.app.client)).toMatchObject([{ conditions: [{ reason: 'RETRYING' }] }]),
  )
  const metrics = await (await fetch(`${world.app.app.url}/metrics`)).text()
  expect(metrics).toContain('imagestreams_clusters{state="reachable"} 1')
  expect(metrics).toContain('imagestreams_workloads_due 1')
  expect(metrics).toContain('imagestreams_workloads_with_problem{reason="RETRYING"} 1')
  isDown = false
  await eventually(() => expect(imageOf(world, 'Deployment')).toContain('/shop/web@'))
  await eventually(async () =>
    expect(await readWorkloads(world.app.client)).toMatchObject([{ conditions: [] }]),
  )
})
