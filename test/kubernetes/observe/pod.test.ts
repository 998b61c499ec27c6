import { describe, expect, it, test } from 'vitest'
import type { KubernetesObject } from '../../../src/kubernetes/client/object.ts'
import { podFacts } from '../../../src/kubernetes/observe/pod.ts'
import { MAX_PODS, PodTable } from '../../../src/kubernetes/observe/pod-table.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { runningPod } from '../../fixtures/kubernetes/manifests.ts'

const [ONE, TWO] = [digestOf('one'), digestOf('two')]

interface Parts {
  readonly image?: string
  readonly controller?: { readonly kind: string; readonly name: string }
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

const pod = ({ image = 'web:1', controller, labels = {}, annotations = {} }: Parts): KubernetesObject => ({
  ...runningPod({ containers: { web: image }, digests: { web: ONE } }),
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    labels,
    annotations,
    ...(controller && { ownerReferences: [{ ...controller, controller: true }] }),
  },
})

describe('a pod', () => {
  it.each([
    [
      'a Deployment',
      { controller: { kind: 'ReplicaSet', name: 'web-5d9' }, labels: { 'pod-template-hash': '5d9' } },
      'Deployment',
      'web',
    ],
    [
      'a ReplicaSet of its own',
      { controller: { kind: 'ReplicaSet', name: 'web-5d9' } },
      'ReplicaSet',
      'web-5d9',
    ],
    ['a StatefulSet', { controller: { kind: 'StatefulSet', name: 'db' } }, 'StatefulSet', 'db'],
    ['a CronJob', { controller: { kind: 'Job', name: 'report-28391040' } }, 'CronJob', 'report'],
    ['a Job', { controller: { kind: 'Job', name: 'migrate' } }, 'Job', 'migrate'],
    [
      'a DeploymentConfig',
      {
        controller: { kind: 'ReplicationController', name: 'web-3' },
        annotations: { 'openshift.io/deployment-config.name': 'web' },
      },
      'DeploymentConfig',
      'web',
    ],
    ['no one else', {}, 'Pod', 'web-1'],
  ])('belongs to %s', (_owner, parts: Parts, kind, name) => {
    expect(podFacts(pod(parts)).owner).toEqual({ namespace: 'shop', kind, name })
  })

  it('runs the digest that it specifies, and else the one that its node reports', () => {
    const digestIn = (image: string) => podFacts(pod({ image })).containers[0]?.digest
    expect(digestIn('registry.test/web:v1')).toBe(ONE)
    expect(digestIn(`registry.test/web@${TWO}`)).toBe(TWO)
  })

  it('runs nothing before its containers have started', () => {
    const waiting = {
      containerStatuses: [{ name: 'web', state: { waiting: { reason: 'ImagePullBackOff' } } }],
    }
    expect(podFacts({ ...pod({}), status: waiting }).containers).toEqual([])
    for (const status of [undefined, null, 1, { containerStatuses: 'x' }, { containerStatuses: [null] }])
      expect(podFacts({ ...pod({}), status }).containers).toEqual([])
  })
})

const facts = (digest: Digest, startedAt = 0, name = 'web') => ({
  owner: { namespace: 'shop', kind: 'Deployment', name },
  containers: [{ name: 'web', image: `web@${digest}`, digest, startedAt }],
})

describe('the pods of a cluster', () => {
  it('are summed up by owner, container and digest, with the first start', () => {
    const table = new PodTable()
    table.set('1', facts(ONE, 5))
    table.set('2', facts(ONE, 3))
    table.set('3', facts(TWO, 9))
    table.set('1', facts(TWO, 7))
    expect(table.summaryOf(facts(ONE).owner)).toEqual([
      {
        name: 'web',
        image: `web@${TWO}`,
        digests: new Map([
          [ONE, { podCount: 1, since: 3 }],
          [TWO, { podCount: 2, since: 7 }],
        ]),
      },
    ])
  })

  it('report each owner that changed once', () => {
    const table = new PodTable()
    for (const id of ['1', '2']) table.set(id, facts(ONE))
    table.set('3', facts(ONE, 0, 'api'))
    expect(table.takeChanged(10).map(({ name }) => name)).toEqual(['web', 'api'])
    table.keepOnly(new Set(['1', '2']))
    expect(table.takeChanged(10).map(({ name }) => name)).toEqual(['api'])
    expect(table.takeChanged(10)).toEqual([])
  })
})

test(`at most ${MAX_PODS} pods are held`, () => {
  const table = new PodTable()
  for (let id = 0; id <= MAX_PODS; id++) table.set(String(id), facts(ONE))
  const [summary] = table.summaryOf(facts(ONE).owner)
  expect(summary?.digests.get(ONE)?.podCount).toBe(MAX_PODS)
})
