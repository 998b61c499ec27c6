import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEgress, type Egress } from '../../src/egress/egress.ts'
import { createKubernetesClient } from '../../src/kubernetes/client/client.ts'
import type { KubernetesClient } from '../../src/kubernetes/client/kubernetes-client.ts'
import type { KubernetesObject } from '../../src/kubernetes/client/object.ts'
import { resourcePath } from '../../src/kubernetes/client/paths.ts'
import { containersOf } from '../../src/kubernetes/workload/containers.ts'
import { replacedBy } from '../../src/kubernetes/workload/contested.ts'
import { annotatedTriggers } from '../../src/kubernetes/workload/desired-changes.ts'
import { WORKLOAD_KINDS } from '../../src/kubernetes/workload/kinds.ts'
import { setImage } from '../../src/kubernetes/workload/set-image.ts'
import { type KubectlCluster, missingKubectl, startKubectlCluster } from '../fixtures/kubernetes/kubectl.ts'
import { buildConfig, workload } from '../fixtures/kubernetes/manifests.ts'

const { signal } = new AbortController()
const pathOf = (apiVersion: string, resource: string, name?: string) =>
  resourcePath({ apiVersion, resource, namespace: 'shop', name })

describe.skipIf(missingKubectl)(`kubectl and this client (${missingKubectl ?? 'installed'})`, () => {
  let real: KubectlCluster
  let egress: Egress
  let client: KubernetesClient

  beforeAll(async () => {
    real = await startKubectlCluster()
    egress = createEgress({ loopback: true })
    client = createKubernetesClient(real.cluster.connection, { request: egress.request, now: () => 0 })
    real.cluster.create(workload('Deployment', { containers: { web: 'web:1', log: 'log:1' } }))
    real.cluster.create(workload('DeploymentConfig', { name: 'old' }))
    real.cluster.create(buildConfig())
  })
  afterAll(async () => {
    await egress[Symbol.asyncDispose]()
    await real[Symbol.asyncDispose]()
  })

  test('see the same objects', async () => {
    const seen = JSON.parse(await real.kubectl('get', 'deploy', 'web', '-o', 'json'))
    const { managedFields: _, ...metadata } = (
      await client.get(pathOf('apps/v1', 'deployments', 'web'), signal)
    ).metadata

    expect(seen.metadata).toMatchObject(metadata)
    expect(await real.kubectl('get', 'dc,bc', '-o', 'name')).toBe(
      'deploymentconfig.apps.openshift.io/old\nbuildconfig.build.openshift.io/app\n',
    )
  })

  test('see the changes of each other', async () => {
    await real.kubectl('set', 'image', 'deployment/web', 'web=web:2')
    await real.kubectl('annotate', 'deployment', 'web', 'note=by hand')
    await real.kubectl('patch', 'deployment', 'web', '-p', '{"spec":{"replicas":3}}')
    const changed = await client.get(pathOf('apps/v1', 'deployments', 'web'), signal)
    const body = { spec: { template: { spec: { containers: [{ name: 'log', image: 'log:2' }] } } } }
    await client.patch(pathOf('apps/v1', 'deployments', 'web'), body, { type: 'strategic', signal })

    expect(changed.metadata.annotations).toMatchObject({ note: 'by hand' })
    expect(changed.spec).toMatchObject({ replicas: 3 })
    expect(await real.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={..image}')).toBe('web:2 log:2')
  })

  test('follow changes by a watch', async () => {
    await using watch = real.start('get', 'deployments', '-w', '-o', 'name')
    const lines = createInterface(watch.stdout)[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('deployment.apps/web')
    await expect.poll(() => real.cluster.watches).toBe(1)
    real.cluster.create(workload('Deployment', { name: 'second' }))

    expect((await lines.next()).value).toBe('deployment.apps/second')
  })

  test('agree who has set an image: kubectl takes it from this server, which learns the name of the manager', async () => {
    real.cluster.create(workload('Deployment', { name: 'both' }))
    const [image, kind] = ['registry.example/shop/app@sha256:aaa', WORKLOAD_KINDS.get('Deployment')]
    const target = { kind: 'Deployment', namespace: 'shop', name: 'both', container: 'web', image }
    const { object } = await setImage(client, target, signal)
    const managers = await real.kubectl(
      ...['get', 'deployment', 'both', '-o', 'jsonpath={.metadata.managedFields[*].manager}'],
    )
    expect(await real.kubectl('get', 'deployment', 'both', '-o', 'jsonpath={..image}')).toBe(image)
    expect(managers.split(' ')).toContain('imagestreams')
    await real.kubectl('set', 'image', 'deployment/both', 'web=web:2')
    const changed = await client.get(pathOf('apps/v1', 'deployments', 'both'), signal)
    const replaced = (now: KubernetesObject | null) => {
      const [container] = now && kind ? containersOf(now, kind) : []
      return now && kind && container && replacedBy(now, { kind, container, set: image })
    }

    expect(replaced(object)).toBeUndefined()
    expect(replaced(changed)).toBe('kubectl-set')
  })

  test('find an object by its annotation, in lists with metadata alone', async () => {
    const annotation = 'image.openshift.io/triggers=[{"from":{"kind":"ImageStreamTag","name":"app:latest"}}]'
    await real.kubectl('annotate', 'deployment', 'web', annotation)
    const found: string[] = []
    for await (const { items } of client.list(pathOf('apps/v1', 'deployments'), {
      metadataOnly: true,
      signal,
    })) {
      const annotated = items.filter((item) => annotatedTriggers(item).triggers.length > 0)
      found.push(...annotated.map(({ metadata }) => metadata.name))
    }

    expect(found).toEqual(['web'])
  })

  test('are refused alike', async () => {
    real.cluster.create(workload('Job', { name: 'once' }))
    const change = { spec: { template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } } } }
    const message = 'Job.batch "once" is invalid: spec.template: Invalid value'

    await expect(real.kubectl('patch', 'job', 'once', '-p', JSON.stringify(change))).rejects.toThrow(
      /The Job "once" is invalid: spec.template: Invalid value/,
    )
    await expect(
      client.patch(pathOf('batch/v1', 'jobs', 'once'), change, { type: 'strategic', signal }),
    ).rejects.toThrow(message)
    real.cluster.forbid({ verb: 'patch' })
    await expect(real.kubectl('annotate', 'deployment', 'web', 'note-')).rejects.toThrow(/forbidden/)
    real.cluster.forbid()
  })
})
