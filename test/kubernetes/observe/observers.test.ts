import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { openDatabase } from '../../../src/db/open.ts'
import type { KubernetesClient } from '../../../src/kubernetes/client/kubernetes-client.ts'
import type { Cluster } from '../../../src/kubernetes/cluster/cluster.ts'
import { createContacts } from '../../../src/kubernetes/cluster/contact.ts'
import { createObservers } from '../../../src/kubernetes/observe/observers.ts'

/** Observes a cluster whose conditions cannot be stored while `isFull`. Each watch ends with a bookmark after some milliseconds. */
function observing() {
  const db = openDatabase(':memory:')
  const state = {
    ...{ isFull: false, contacts: 0, watches: 0, reports: 0, errors: [] as unknown[] },
    resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true }],
  }
  const cluster = { id: 1, openings: [] } as unknown as Cluster
  const clusters = {
    all: () => [cluster],
    byId: () => cluster,
    onChanged: () => () => {},
    recordTest: () => cluster,
    report() {
      if (state.isFull) throw new Error('the disk is full')
      state.reports++
    },
  }
  const client = {
    resources: async () => state.resources,
    create: async () => ({ status: { allowed: true } }),
    async *list() {
      yield { isFirst: true, items: [], resourceVersion: '1' }
    },
    async *watch() {
      state.watches++
      await delay(5)
      yield { type: 'BOOKMARK', resourceVersion: '2' }
    },
  } as unknown as KubernetesClient
  const contacts = createContacts({
    clusters,
    connectTo: async () => {
      state.contacts++
      return client
    },
  })
  const observers = createObservers({
    ...{ clusters, contacts, db, random: () => 1, onDue: () => {} },
    rows: { keepOnly: () => {}, ownersWithPods: () => [] },
    links: { linkOf: () => undefined, isKnown: () => false },
    sleep: (_milliseconds: number, signal: AbortSignal) => delay(5, undefined, { signal }),
    onError: (error: unknown) => state.errors.push(error),
  } as unknown as Parameters<typeof createObservers>[0])
  return {
    state,
    observers,
    async [Symbol.asyncDispose]() {
      await observers[Symbol.asyncDispose]()
      db[Symbol.dispose]()
    },
  }
}

it('conditions that cannot be stored do not end the observation, whose watches go on', async () => {
  await using world = observing()
  const { state } = world
  world.observers.start()
  await expect.poll(() => state.watches).toBeGreaterThan(0)
  state.isFull = true
  await expect.poll(() => state.errors.length).toBeGreaterThan(0)
  const { watches, reports } = state
  await expect.poll(() => state.watches).toBeGreaterThan(watches)
  state.isFull = false
  await expect.poll(() => state.reports).toBeGreaterThan(reports)
})

it('a cluster whose first condition cannot be stored is contacted again', async () => {
  await using world = observing()
  world.state.isFull = true
  world.observers.start()
  await expect.poll(() => world.state.contacts).toBeGreaterThan(1)
  world.state.isFull = false
  await expect.poll(() => world.observers.connected(1)).toBeDefined()
})

it('a kind that a cluster gets later is observed', async () => {
  await using world = observing()
  world.observers.start()
  await expect.poll(() => world.observers.connected(1)).toBeDefined()
  const kindsOf = () => [...new Set(world.observers.connected(1)?.kinds.map(({ kind }) => kind))]
  expect(kindsOf()).not.toContain('StatefulSet')
  world.state.resources = [
    ...world.state.resources,
    { name: 'statefulsets', kind: 'StatefulSet', namespaced: true },
  ]
  await expect.poll(kindsOf).toContain('StatefulSet')
})
