import { SYSTEM } from '../../access/right/viewer.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Clusters } from '../cluster/clusters.ts'
import type { Contacts } from '../cluster/contact.ts'
import { type ConnectedCluster, type ObserverDependencies, observe } from './observer.ts'

interface ObserversDependencies extends Omit<ObserverDependencies, 'onCounted'> {
  readonly clusters: Pick<Clusters, 'all' | 'byId' | 'onChanged' | 'report'>
  readonly contacts: Pick<Contacts, 'contact' | 'note'>
}

/** Milliseconds before an unreachable cluster is contacted again; doubled up to the longest. */
const FIRST_PAUSE = 2_000
const LONGEST_PAUSE = 5 * 60_000
/** Milliseconds after which the permissions in a reachable cluster are checked again. */
const CHECK_INTERVAL = 10 * 60_000

interface Observed {
  readonly stopping: AbortController
  done: Promise<void>
  connected: ConnectedCluster | undefined
}

/** The observation of all clusters. */
export type Observers = ReturnType<typeof createObservers>

/** Creates the observation of all clusters, each on its own: a slow one delays no other. Nothing runs before `start`. */
export function createObservers({ clusters, contacts, ...dependencies }: ObserversDependencies) {
  const { sleep, random, onDue } = dependencies
  const observed = new Map<number, Observed>()
  let isStarted = false

  /** Stores a condition. One that cannot be stored, on a full disk for example, does not end the observation. */
  const report = (write: () => void): void => {
    try {
      write()
    } catch (error) {
      dependencies.onError(error)
    }
  }
  const reportCount = ({ id }: Cluster, isComplete: boolean): void =>
    clusters.report(id, {
      type: 'COMPLETE',
      status: isComplete ? 'MET' : 'NOT_MET',
      message: isComplete
        ? 'all pods and all objects with triggers are stored'
        : 'the cluster has more pods, or more objects with triggers, than are stored',
      remedy: isComplete
        ? null
        : 'connect parts of the cluster to several servers: what is not stored is not listed, does not follow tags, and its images are not kept',
    })

  const run = async (cluster: Cluster, own: Observed): Promise<void> => {
    const { signal } = own.stopping
    const pause = (milliseconds: number) => sleep(milliseconds, signal).catch(() => {})
    const contact = () =>
      contacts.contact(cluster, signal).catch((error: unknown) => {
        if (!signal.aborted) dependencies.onError(error)
        return undefined
      })
    const onCounted = (counted: Cluster, isComplete: boolean): void =>
      report(() => reportCount(counted, isComplete))
    const onResult = (error?: unknown): void => report(() => contacts.note(cluster, error))
    for (let failures = 0; !signal.aborted; failures++) {
      const found = await contact()
      if (!found) {
        await pause(Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE) * (0.5 + random() / 2))
        continue
      }
      failures = 0
      own.connected = { cluster, ...found }
      onDue(cluster.id)
      const ending = new AbortController()
      const watching = observe(
        own.connected,
        { ...dependencies, onCounted },
        { signal: AbortSignal.any([signal, ending.signal]), onResult },
      )
      while (!signal.aborted) {
        await pause(CHECK_INTERVAL)
        const again = signal.aborted ? undefined : await contact()
        // kinds that were installed, or permitted, since: the observation begins again with them
        if (again?.kinds.some(({ kind }) => !found.kinds.some((known) => known.kind === kind))) break
      }
      ending.abort(new Error('the cluster has more kinds'))
      await watching
    }
  }

  const stop = async (id: number): Promise<void> => {
    const own = observed.get(id)
    observed.delete(id)
    own?.stopping.abort(new Error('the cluster is no longer observed'))
    await own?.done
  }
  const start = (cluster: Cluster): void => {
    const own: Observed = { stopping: new AbortController(), done: Promise.resolve(), connected: undefined }
    observed.set(cluster.id, own)
    own.done = run(cluster, own).catch((error: unknown) => {
      if (!own.stopping.signal.aborted) dependencies.onError(error)
    })
  }

  clusters.onChanged((id) => {
    if (!isStarted) return
    void stop(id)
    const cluster = clusters.byId(SYSTEM, id)
    if (cluster) start(cluster)
  })

  return {
    start(): void {
      isStarted = true
      for (const cluster of clusters.all()) start(cluster)
    },

    /** Returns a cluster that can be reached, or could be when it was last requested; undefined for others. */
    connected: (id: number): ConnectedCluster | undefined => observed.get(id)?.connected,

    async [Symbol.asyncDispose](): Promise<void> {
      isStarted = false
      await Promise.all([...observed.keys()].map(stop))
    },
  }
}
