import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../fixtures/eventually.ts'
import { type FakeCluster, startFakeCluster } from '../../fixtures/kubernetes/fake-cluster.ts'
import { UNREACHABLE_CLUSTER } from '../../fixtures/kubernetes/kubeconfig.ts'
import { kubeconfigOf } from '../../fixtures/kubernetes/kubectl.ts'
import { type SignedInApp, startSignedInApp } from '../../fixtures/signed-in-app.ts'

const CONNECT = `mutation ($name: String!, $kubeconfig: String, $openings: [ClusterOpeningInput!]) {
  connectCluster(input: { name: $name, kubeconfig: $kubeconfig, openings: $openings }) { cluster { name server access } } }`
const CONDITIONS = 'conditions { type status message remedy }'

interface ReadCluster {
  readonly name: string
  readonly server: string | null
  readonly access: string | null
  readonly openings: readonly unknown[]
  readonly conditions: readonly { type: string; status: string; message: string; remedy: string | null }[]
}

describe('a connected cluster', () => {
  let kubernetes: FakeCluster
  let server: SignedInApp
  beforeAll(async () => {
    kubernetes = await startFakeCluster()
    server = await startSignedInApp()
    await server.as('admin').request(CONNECT, {
      name: 'production',
      kubeconfig: kubeconfigOf(kubernetes),
      openings: [
        { clusterNamespaces: 'shop-*', namespaces: 'team' },
        { clusterNamespaces: 'secret', namespaces: 'others' },
      ],
    })
    await server.as('admin').request(CONNECT, { name: 'down', kubeconfig: UNREACHABLE_CLUSTER })
    await server.as('admin').request(CONNECT, {
      name: 'closed',
      kubeconfig: UNREACHABLE_CLUSTER,
      openings: [{ clusterNamespaces: '*', namespaces: 'others' }],
    })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await kubernetes[Symbol.asyncDispose]()
  })

  const read = async (principal: 'admin' | 'member' | 'stranger', name = 'production') => {
    const query = `query ($name: String!) { cluster(name: $name) {
      name server access openings { clusterNamespaces namespaces } ${CONDITIONS} } }`
    return (await server.as(principal).request<{ cluster: ReadCluster | null }>(query, { name })).cluster
  }
  const codeOf = async (principal: 'member' | 'admin', query: string, variables = {}): Promise<unknown> =>
    (await server.as(principal).execute(query, variables)).errors?.[0]?.extensions?.code

  test('is seen whole by server admins, and never with its kubeconfig', async () => {
    const cluster = await read('admin')
    expect(cluster).toMatchObject({ server: kubernetes.url, access: 'KUBECONFIG' })
    expect(cluster?.openings).toHaveLength(2)
  })

  test('is seen by viewers of the namespaces that it is opened to, without its connection', async () => {
    expect(await read('member')).toMatchObject({
      server: null,
      access: null,
      openings: [{ clusterNamespaces: 'shop-*', namespaces: 'team' }],
    })
    expect(await read('member', 'closed')).toBeNull()
    expect(await read('stranger')).toBeNull()
    const list = '{ clusters { totalCount nodes { name } } }'
    expect(await server.as('member').request(list)).toEqual({
      clusters: { totalCount: 2, nodes: [{ name: 'down' }, { name: 'production' }] },
    })
  })

  test('says whether its API server responds, and what to do', async () => {
    await eventually(async () => {
      expect((await read('admin'))?.conditions).toContainEqual(
        expect.objectContaining({ type: 'REACHABLE', status: 'MET', remedy: null }),
      )
      expect((await read('admin', 'down'))?.conditions).toEqual([
        expect.objectContaining({ type: 'REACHABLE', status: 'NOT_MET', remedy: expect.any(String) }),
      ])
    })
  })

  test('names each permission that is missing, as a rule for a ClusterRole', async () => {
    kubernetes.forbid({ verb: 'patch', resource: 'deployments' }, { resource: 'buildconfigs/instantiate' })
    const { testCluster } = await server
      .as('admin')
      .request<{ testCluster: { cluster: ReadCluster } }>(
        `mutation { testCluster(input: { name: "production" }) { cluster { ${CONDITIONS} } } }`,
      )
    expect(testCluster.cluster.conditions.find(({ type }) => type === 'PERMITTED')).toEqual({
      type: 'PERMITTED',
      status: 'NOT_MET',
      message: '2 permissions are missing in all namespaces',
      remedy:
        'add to a ClusterRole that is bound to this server\'s account: { apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"] }; { apiGroups: ["build.openshift.io"], resources: ["buildconfigs/instantiate"], verbs: ["create"] }',
    })
    kubernetes.forbid()
  })

  test('is connected, changed and disconnected by server admins alone, which is audited', async () => {
    expect(await codeOf('member', CONNECT, { name: 'mine', kubeconfig: UNREACHABLE_CLUSTER })).toBe(
      'FORBIDDEN',
    )
    expect(await codeOf('admin', CONNECT, { name: 'production', kubeconfig: UNREACHABLE_CLUSTER })).toBe(
      'ALREADY_EXISTS',
    )
    const admin = server.as('admin')
    await admin.request(CONNECT, { name: 'short', kubeconfig: UNREACHABLE_CLUSTER })
    await admin.request(
      'mutation { updateCluster(input: { name: "short", openings: [] }) { cluster { openings { namespaces } } } }',
    )
    await admin.request('mutation { disconnectCluster(input: { name: "short" }) { deletedId } }')
    const { auditEntries } = await admin.request<{ auditEntries: { nodes: unknown[] } }>(
      '{ auditEntries(first: 3) { nodes { action target } } }',
    )
    expect(auditEntries.nodes).toEqual(
      ['disconnectCluster', 'updateCluster', 'connectCluster'].map((action) => ({ action, target: 'short' })),
    )
  })

  test('needs a kubeconfig that contains what it uses, and outside of a cluster any', async () => {
    const withProgram = UNREACHABLE_CLUSTER.replace('token: the-token', 'exec: { command: aws }')
    expect(await codeOf('admin', CONNECT, { name: 'x', kubeconfig: withProgram })).toBe('INVALID')
    expect(await codeOf('admin', CONNECT, { name: 'x' })).toBe('INVALID')
    expect(await codeOf('admin', CONNECT, { name: 'No Name', kubeconfig: UNREACHABLE_CLUSTER })).toBe(
      'INVALID',
    )
  })

  test('is stored with its kubeconfig sealed', () => {
    const { dataFolder } = server.app
    const files = readdirSync(dataFolder).filter((name) => name.startsWith('imagestreams.db'))
    const stored = files.map((name) => readFileSync(join(dataFolder, name), 'latin1')).join('')
    expect(stored).toContain('production')
    expect(stored).not.toContain('the-token')
  })
})
