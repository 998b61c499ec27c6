import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEgress, type Egress } from '../../../src/egress/egress.ts'
import { type ClusterAction, createClusterActions } from '../../../src/kubernetes/action/actions.ts'
import { createClusterRehearsals } from '../../../src/kubernetes/action/rehearse.ts'
import { createKubernetesClient } from '../../../src/kubernetes/client/client.ts'
import type { Cluster } from '../../../src/kubernetes/cluster/cluster.ts'
import { type FakeCluster, startFakeCluster } from '../../fixtures/kubernetes/fake-cluster.ts'
import { valueAt } from '../../fixtures/kubernetes/manifest.ts'
import { buildConfig, workload } from '../../fixtures/kubernetes/manifests.ts'

const IMAGE = {
  namespace: 'shop',
  imageStream: 'app',
  tag: 'latest',
  dockerImageReference: 'registry.example/shop/app@sha256:aaa',
}
const CLUSTER: Cluster = {
  id: 1,
  name: 'production',
  access: 'KUBECONFIG',
  server: 'https://api.example',
  openings: [{ clusterNamespaces: 'shop', namespaces: null }],
  conditions: [],
  contactedAt: null,
  createdAt: 0,
  updatedAt: 0,
}

let egress: Egress
let kubernetes: FakeCluster
beforeAll(async () => {
  egress = createEgress({ loopback: true })
  kubernetes = await startFakeCluster()
  kubernetes.create(workload('Deployment'))
  kubernetes.create(buildConfig({ triggers: [] }))
})
afterAll(async () => {
  await kubernetes[Symbol.asyncDispose]()
  await egress[Symbol.asyncDispose]()
})

const dependencies = {
  clusterNamed: (name: string) => (name === CLUSTER.name ? CLUSTER : undefined),
  connectTo: async () =>
    createKubernetesClient(kubernetes.connection, { request: egress.request, now: () => 0 }),
}
const act = (action: ClusterAction, image = IMAGE, signal = new AbortController().signal) =>
  createClusterActions(dependencies)(action, image, signal)
const rehearse = (action: ClusterAction, isContacted = true, connectTo = dependencies.connectTo) =>
  createClusterRehearsals({ ...dependencies, connectTo })(action, IMAGE, {
    isContacted,
    signal: new AbortController().signal,
  })

const setImage = (parts: object = {}): ClusterAction => ({
  kind: 'SET_IMAGE',
  cluster: 'production',
  target: { kind: 'Deployment', namespace: 'shop', name: 'web', container: 'web', ...parts },
})
const START: ClusterAction = {
  kind: 'START_BUILD',
  cluster: 'production',
  target: { namespace: 'shop', name: 'app' },
}

describe('an action in a cluster', () => {
  test('sets the image of a container, once', async () => {
    expect(await act(setImage())).toEqual({
      status: 200,
      text: `container web of Deployment shop/web is set to ${IMAGE.dockerImageReference}`,
      link: null,
      failure: null,
    })
    expect(await act(setImage())).toMatchObject({
      text: expect.stringContaining('has registry.example/shop/app@'),
    })
    expect(valueAt(kubernetes.read('Deployment', 'web'), 'spec.template.spec.containers')).toEqual([
      { name: 'web', image: IMAGE.dockerImageReference },
    ])
  })

  test('starts a build, whose cause is the image', async () => {
    expect(await act(START)).toMatchObject({ text: 'build shop/app-1 has started', failure: null })
    expect(valueAt(kubernetes.read('Build', 'app-1'), 'spec.triggeredBy')).toEqual([
      {
        message: 'Image change',
        imageChangeBuild: {
          imageID: IMAGE.dockerImageReference,
          fromRef: { kind: 'ImageStreamTag', namespace: 'shop', name: 'app:latest' },
        },
      },
    ])
  })

  test.each([
    [
      'a cluster that is not connected',
      { ...START, cluster: 'staging' },
      IMAGE,
      'no cluster staging opens its',
    ],
    [
      'a namespace that is not opened',
      setImage({ namespace: 'kube-system' }),
      IMAGE,
      'namespace kube-system to',
    ],
    [
      'a namespace of others',
      setImage(),
      { ...IMAGE, namespace: 'blog' },
      'namespace shop to the namespace blog',
    ],
    [
      'an unknown container',
      setImage({ container: 'wep' }),
      IMAGE,
      'has no container "wep", so that no image is set: name one of "web"',
    ],
    [
      'an object that does not exist',
      setImage({ name: 'gone' }),
      IMAGE,
      '"gone" not found: create it, or correct its name',
    ],
  ] satisfies [string, ClusterAction, typeof IMAGE, string][])(
    'fails until a person changes something, for %s',
    async (_, action, image, message) => {
      expect(await act(action, image)).toMatchObject({
        failure: { kind: 'NEVER', message: expect.stringContaining(message) },
      })
    },
  )

  test('is repeated where a permission is missing, since it may be granted', async () => {
    kubernetes.forbid({ verb: 'patch' })
    const image = { ...IMAGE, dockerImageReference: 'registry.example/shop/app@sha256:bbb' }
    const { failure } = await act(setImage(), image)
    kubernetes.forbid()

    expect(failure).toMatchObject({
      kind: 'LATER',
      message: expect.stringContaining('allow the verb patch on deployments'),
    })
  })

  test('is repeated when the API server fails, after the pause that it requests', async () => {
    kubernetes.intercept((_, response) => {
      response.writeHead(429, { 'retry-after': '9' }).end()
      return true
    })
    const outcome = await act(setImage())
    kubernetes.intercept(() => false)

    expect(outcome).toMatchObject({ status: 429, failure: { kind: 'LATER', retryAfter: 9_000 } })
  })

  test('rejects only once its signal is aborted', async () => {
    await expect(act(setImage(), IMAGE, AbortSignal.abort(new Error('shutting down')))).rejects.toThrow(
      'shutting down',
    )
  })
})

describe('a rehearsal of an action', () => {
  const plan = `sets container web of Deployment shop/web in the cluster production to ${IMAGE.dockerImageReference}`

  test('says what would be done, and changes nothing', async () => {
    const before = kubernetes.read('Deployment', 'web')
    expect(await rehearse(setImage(), false)).toEqual({ plan, isReachable: null, message: null })
    expect(await rehearse(setImage())).toEqual({ plan, isReachable: true, message: null })
    expect(await rehearse(START)).toEqual({
      plan: `starts a build of BuildConfig shop/app in the cluster production for ${IMAGE.dockerImageReference}`,
      isReachable: true,
      message: null,
    })
    expect(kubernetes.read('Deployment', 'web')).toEqual(before)
  })

  test.each<[string, ClusterAction, RegExp]>([
    [
      'a container that does not exist',
      setImage({ container: 'db' }),
      /has no container "db".*: name one of "web"/,
    ],
    ['an object that does not exist', setImage({ name: 'nope' }), /nope/],
    ['a BuildConfig that does not exist', { ...START, target: { namespace: 'shop', name: 'nope' } }, /nope/],
    ['a namespace that is not open', setImage({ namespace: 'team' }), /adds an opening with updateCluster/],
    ['an unknown cluster', { ...START, cluster: 'nope' }, /no cluster nope opens its namespace/],
  ])('names %s', async (_, action, message) => {
    expect(await rehearse(action)).toMatchObject({ message: expect.stringMatching(message) })
  })

  test('names an API server that does not respond', async () => {
    const refused = async (): Promise<never> => {
      throw new Error('the connection was refused')
    }
    expect(await rehearse(setImage(), true, refused)).toEqual({
      plan,
      isReachable: false,
      message: 'the connection was refused',
    })
  })
})
