import { expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/open.ts'
import type { KubernetesClient } from '../../../src/kubernetes/client/kubernetes-client.ts'
import type { Cluster } from '../../../src/kubernetes/cluster/cluster.ts'
import { OBSERVED_KINDS } from '../../../src/kubernetes/cluster/kinds.ts'
import { MAX_OBJECTS, observe } from '../../../src/kubernetes/observe/observer.ts'
import type { WorkloadRows } from '../../../src/kubernetes/observe/workload-rows.ts'

test(`at most ${MAX_OBJECTS} objects with triggers of a kind are stored, and more are reported`, async () => {
  using db = openDatabase(':memory:', { onFatal() {} })
  const stopping = new AbortController()
  const noted: string[] = []
  const reports: boolean[] = []
  const annotations = { 'image.openshift.io/triggers': '[]' }
  const items = Array.from({ length: MAX_OBJECTS + 1 }, (_, at) => ({
    metadata: { namespace: 'shop', name: `web-${at}`, generation: 1, annotations },
  }))
  const client: Pick<KubernetesClient, 'list' | 'watch'> = {
    async *list() {
      yield { isFirst: true, items, resourceVersion: '1' }
    },
    async *watch() {
      // the writes of the list come first
      while (noted.length < MAX_OBJECTS) await new Promise((resolve) => setImmediate(resolve))
      stopping.abort()
    },
  }
  const rows: Pick<WorkloadRows, 'note' | 'keepOnly'> = {
    note: (_tx, _clusterId, { name }) => noted.push(name) < 0,
    keepOnly() {},
  }
  const kinds = OBSERVED_KINDS.filter(({ kind }) => kind === 'Deployment')
  await observe(
    {
      cluster: { id: 1, openings: [] } as Partial<Cluster> as Cluster,
      client: client as KubernetesClient,
      kinds,
    },
    {
      db,
      rows: rows as WorkloadRows,
      links: { linkOf: () => undefined, isKnown: () => false },
      sleep: async () => {},
      random: () => 1,
      onDue() {},
      onCounted: (_cluster, isComplete) => reports.push(isComplete),
      onError(error) {
        throw error
      },
    },
    { signal: stopping.signal, onResult() {} },
  )
  expect(noted).toHaveLength(MAX_OBJECTS)
  expect(reports).toEqual([false])
})
