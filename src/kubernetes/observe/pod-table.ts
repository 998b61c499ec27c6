import type { Digest } from '../../oci/digest.ts'
import type { Owner, PodFacts } from './pod.ts'

/** What the pods of a workload run in one of its containers. */
export interface ContainerSummary {
  readonly name: string
  /** As the newest of the pods specifies it. */
  readonly image: string
  readonly digests: ReadonlyMap<Digest, { readonly podCount: number; readonly since: number }>
}

/** Most pods of a cluster that are held in memory; more are not counted. */
export const MAX_PODS = 10_000

const keyOf = ({ namespace, kind, name }: Owner): string => `${namespace}/${kind}/${name}`

/** The pods of a cluster, in memory: an API server lists them again after a restart. */
export class PodTable {
  readonly #pods = new Map<string, PodFacts>()
  readonly #byOwner = new Map<string, Set<string>>()
  /** Owners whose pods have changed since they were taken. */
  readonly #changed = new Map<string, Owner>()

  /** Number of owners that have changed. */
  get changedCount(): number {
    return this.#changed.size
  }

  set(id: string, facts: PodFacts): void {
    this.delete(id)
    if (facts.containers.length === 0) return
    if (this.#pods.size >= MAX_PODS) return
    this.#pods.set(id, facts)
    const key = keyOf(facts.owner)
    this.#byOwner.set(key, (this.#byOwner.get(key) ?? new Set()).add(id))
    this.#changed.set(key, facts.owner)
  }

  delete(id: string): void {
    const facts = this.#pods.get(id)
    if (!facts) return
    const key = keyOf(facts.owner)
    const siblings = this.#byOwner.get(key)
    siblings?.delete(id)
    if (siblings?.size === 0) this.#byOwner.delete(key)
    this.#pods.delete(id)
    this.#changed.set(key, facts.owner)
  }

  /** Drops the pods that are not among these: the list was read again. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of [...this.#pods.keys()]) if (!ids.has(id)) this.delete(id)
  }

  /** Notes that an owner may have to be written again. */
  touch(owner: Owner): void {
    this.#changed.set(keyOf(owner), owner)
  }

  /** Returns at most so many owners that have changed, and forgets that they have. */
  takeChanged(limit: number): Owner[] {
    const taken = [...this.#changed].slice(0, limit)
    for (const [key] of taken) this.#changed.delete(key)
    return taken.map(([, owner]) => owner)
  }

  /** Returns what the pods of an owner run, by container; empty if it has none. */
  summaryOf(owner: Owner): ContainerSummary[] {
    const summaries = new Map<
      string,
      { image: string; newest: number; digests: Map<Digest, { podCount: number; since: number }> }
    >()
    for (const id of this.#byOwner.get(keyOf(owner)) ?? []) {
      for (const { name, image, digest, startedAt } of this.#pods.get(id)?.containers ?? []) {
        const summary = summaries.get(name) ?? { image, newest: startedAt, digests: new Map() }
        summaries.set(name, summary)
        if (startedAt > summary.newest) Object.assign(summary, { image, newest: startedAt })
        if (digest === null) continue
        const { podCount, since } = summary.digests.get(digest) ?? { podCount: 0, since: startedAt }
        summary.digests.set(digest, { podCount: podCount + 1, since: Math.min(since, startedAt) })
      }
    }
    return [...summaries].map(([name, { image, digests }]) => ({ name, image, digests }))
  }
}
