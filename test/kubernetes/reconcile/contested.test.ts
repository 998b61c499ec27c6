import { expect, test } from 'vitest'
import { eventually } from '../../fixtures/eventually.ts'
import { workload } from '../../fixtures/kubernetes/manifests.ts'
import { readWorkloads, startKubernetesWorld } from '../kubernetes-world.ts'
import { imageOf, setImageAs, triggers } from './deployments.ts'

const WORKLOAD_ID = '{ workloads { nodes { id } } }'

test('a workload that another field manager reverts three times becomes CONTESTED, until the tag moves or a person resumes it', async () => {
  await using world = await startKubernetesWorld()
  const isSetTo = (digest: string) =>
    eventually(() => expect(imageOf(world, 'Deployment')).toBe(`${world.host()}/shop/web@${digest}`))
  const isContested = (expected: boolean) =>
    eventually(async () =>
      expect(await readWorkloads(world.app.client)).toMatchObject([{ isContested: expected }]),
    )
  const patchCount = () => world.kubernetes.requests.filter(({ method }) => method === 'PATCH').length
  const contest = async (digest: string) => {
    for (const at of [1, 2, 3]) {
      await isSetTo(digest)
      setImageAs(world, 'argocd-controller', `web:git-${at}`)
    }
    await isContested(true)
  }

  const first = await world.push('one')
  world.kubernetes.create(workload('Deployment', { annotations: triggers('web:v1') }))
  await contest(first)

  const [found] = await readWorkloads(world.app.client)
  expect(found?.conditions).toEqual([
    expect.objectContaining({
      reason: 'CONTESTED',
      message: expect.stringContaining('argocd-controller has replaced'),
      remedy: expect.stringContaining('resumeWorkload'),
    }),
  ])
  expect(imageOf(world, 'Deployment')).toBe('web:git-3')
  // the first image and two corrections
  expect(patchCount()).toBe(3)
  // also when it is looked at again
  setImageAs(world, 'argocd-controller', 'web:git-4')
  await world.app.restart()
  await isContested(true)
  expect(imageOf(world, 'Deployment')).toBe('web:git-4')

  const second = await world.push('two')
  await isSetTo(second)
  await isContested(false)

  await contest(second)
  const { workloads } = await world.app.client.request<{ workloads: { nodes: { id: string }[] } }>(
    WORKLOAD_ID,
  )
  await world.app.client.request(
    'mutation ($id: ID!) { resumeWorkload(input: { id: $id }) { workload { name } } }',
    {
      id: workloads.nodes[0]?.id,
    },
  )
  await isSetTo(second)
  await isContested(false)
})
