import type { Sleep } from '../../concurrency/clock.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import type { KubernetesObject } from '../client/object.ts'
import { resourcePath } from '../client/paths.ts'
import { type Cluster, isOpenTo } from '../cluster/cluster.ts'
import type { ObservedKind } from '../cluster/kinds.ts'
import type { ImageLinks } from './links.ts'
import { type Owner, podFacts } from './pod.ts'
import { type ContainerSummary, MAX_PODS, PodTable } from './pod-table.ts'
import { type Reflection, reflect } from './reflector.ts'
import { versionOf } from './version.ts'
import type { WorkloadRows } from './workload-rows.ts'
import { WriteQueue } from './write-queue.ts'

export interface ObserverDependencies {
  readonly db: Database
  readonly rows: WorkloadRows
  readonly links: ImageLinks
  readonly sleep: Sleep
  /** Returns a number from 0 to 1. */
  readonly random: () => number
  /** Called after a commit that made workloads of the cluster due. */
  readonly onDue: (clusterId: number) => void
  /** Reports whether all pods and all objects with triggers of the cluster are stored. */
  readonly onCounted: (cluster: Cluster, isComplete: boolean) => void
  /** Receives the error of a write. */
  readonly onError: (error: unknown) => void
}

/** A cluster that can be reached. */
export interface ConnectedCluster {
  readonly cluster: Cluster
  readonly client: KubernetesClient
  readonly kinds: readonly ObservedKind[]
}

/** Most objects with triggers of one kind in a cluster that are stored; more are ignored. */
export const MAX_OBJECTS = 10_000
/** Owners that are written in one transaction. */
const TOGETHER = 50

/**
 * Observes the workloads of a cluster until the signal is aborted: one list and watch for each kind, which fail and recover
 * alone. Metadata is read of annotated kinds, and the whole object of pods and of those whose triggers are in the spec.
 */
export async function observe(
  { cluster, client, kinds }: ConnectedCluster,
  dependencies: ObserverDependencies,
  { signal, onResult }: { readonly signal: AbortSignal; readonly onResult: (error?: unknown) => void },
): Promise<void> {
  const { db, sleep, random, onError } = dependencies
  const queue = new WriteQueue(db, onError)
  const write: Write = (subject, change) => {
    if (!signal.aborted) queue.add(subject, change)
  }
  const incomplete = new Set<string>()
  const report = (kind: string, isComplete: boolean): void => {
    if (isComplete) incomplete.delete(kind)
    else incomplete.add(kind)
    dependencies.onCounted(cluster, incomplete.size === 0)
  }
  const pods = reflectPods(cluster, { ...dependencies, report }, write)
  await Promise.all(
    kinds.map((kind) => {
      const objects = reflectObjects(cluster, kind, { ...dependencies, write, report })
      const isPod = kind.kind === 'Pod'
      return reflect(client, {
        path: resourcePath(kind),
        metadataOnly: kind.isAnnotated && !isPod,
        reflection: isPod ? both(objects, pods) : objects,
        signal,
        sleep,
        random,
        onResult,
      })
    }),
  )
}

/** Reports whether all objects of a kind are stored; `pods` for what pods run. */
type Report = (kind: string, isComplete: boolean) => void
/** `subject` names what is written; a later write about it replaces one that has not been made. */
type Write = (subject: string, change: (tx: Transaction) => void) => void

const nameOf = ({ metadata: { namespace = '', name } }: KubernetesObject) => ({ namespace, name })

/** Notes the objects with triggers. */
function reflectObjects(
  { id }: Cluster,
  kind: ObservedKind,
  {
    rows,
    onDue,
    write,
    report,
  }: Pick<ObserverDependencies, 'rows' | 'onDue'> & { readonly write: Write; readonly report: Report },
): Reflection {
  let seen = new Set<string>()
  const note = (owner: Owner, version: string | null): void =>
    write(`${owner.kind} ${owner.namespace}/${owner.name}`, (tx) => {
      if (rows.note(tx, id, owner, version)) tx.afterCommit(() => onDue(id))
    })
  return {
    begin: () => {
      seen = new Set()
    },
    set(object) {
      const name = nameOf(object)
      const version = versionOf(object, kind)
      const key = `${name.namespace}/${name.name}`
      // most objects have no triggers, and none that is stored
      if (version === null && !seen.delete(key)) return
      if (version === null) return note({ ...name, kind: kind.kind }, null)
      if (seen.size < MAX_OBJECTS) seen.add(key)
      else if (!seen.has(key)) return report(kind.kind, false)
      note({ ...name, kind: kind.kind }, version)
    },
    delete(object) {
      const name = nameOf(object)
      if (seen.delete(`${name.namespace}/${name.name}`)) note({ ...name, kind: kind.kind }, null)
    },
    complete() {
      const all = new Set(seen)
      if (all.size < MAX_OBJECTS) report(kind.kind, true)
      write(`${kind.kind} of the list`, (tx) => rows.keepOnly(tx, id, kind.kind, all))
    },
  }
}

/** Stores what pods run. */
function reflectPods(
  cluster: Cluster,
  { rows, links, report }: Pick<ObserverDependencies, 'rows' | 'links'> & { readonly report: Report },
  write: Write,
): Reflection {
  const table = new PodTable()
  let seen = new Set<string>()
  const idOf = ({ metadata: { uid, namespace, name } }: KubernetesObject) => uid ?? `${namespace}/${name}`

  const store = (tx: Transaction, owner: Owner): void => {
    const linkOf = ({ image, digests }: ContainerSummary) =>
      links.linkOf(image, [...digests.keys()], (namespace) => isOpenTo(cluster, owner.namespace, namespace))
    rows.setRunning(tx, cluster.id, owner, {
      summaries: table.summaryOf(owner),
      linkOf,
      isOurs: (summary) => [...summary.digests.keys()].some(links.isKnown) || linkOf(summary) !== undefined,
    })
  }
  let isScheduled = false
  const storeChanged = (): void => {
    if (isScheduled || table.changedCount === 0) return
    isScheduled = true
    let owners: readonly Owner[] | undefined
    write('pods', (tx) => {
      // those of a write that failed are written again, as they are then
      owners ??= table.takeChanged(TOGETHER)
      for (const owner of owners) store(tx, owner)
      tx.afterCommit(() => {
        isScheduled = false
        storeChanged()
      })
    })
  }
  return {
    begin: () => {
      seen = new Set()
    },
    set(pod) {
      const id = idOf(pod)
      seen.add(id)
      table.set(id, podFacts(pod))
      storeChanged()
    },
    delete(pod) {
      seen.delete(idOf(pod))
      table.delete(idOf(pod))
      storeChanged()
    },
    complete() {
      table.keepOnly(seen)
      // also those whose pods ended while this server did not run
      for (const owner of rows.ownersWithPods(cluster.id)) table.touch(owner)
      report('pods', seen.size <= MAX_PODS)
      storeChanged()
    },
  }
}

const both = (one: Reflection, other: Reflection): Reflection => ({
  begin() {
    one.begin()
    other.begin()
  },
  set(object) {
    one.set(object)
    other.set(object)
  },
  delete(object) {
    one.delete(object)
    other.delete(object)
  },
  complete() {
    one.complete()
    other.complete()
  },
})
