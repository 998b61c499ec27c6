import type { TargetRows } from '../state/target-rows.ts'

/** When the next attempt to each host is due: no pass has to ask for those that have nothing to do. */
export class DueHosts {
  readonly #rows: Pick<TargetRows, 'firstDueAt' | 'plannedHosts'>
  /** Milliseconds since 1970: never later than the first attempt that is planned. */
  readonly #dueAt = new Map<string, number>()

  constructor(rows: Pick<TargetRows, 'firstDueAt' | 'plannedHosts'>) {
    this.#rows = rows
    this.reload()
  }

  /** Reads all hosts again, after triggers were changed. */
  reload(): void {
    this.#dueAt.clear()
    for (const host of this.#rows.plannedHosts()) this.refresh(host)
  }

  /** Notes that an attempt to the host is planned. */
  plan(host: string, dueAt: number): void {
    this.#dueAt.set(host, Math.min(dueAt, this.#dueAt.get(host) ?? dueAt))
  }

  /** Reads when the first attempt to the host is due. */
  refresh(host: string): void {
    const dueAt = this.#rows.firstDueAt(host)
    // to the end of the order: hosts take turns
    this.#dueAt.delete(host)
    if (dueAt !== undefined) this.#dueAt.set(host, dueAt)
  }

  /** Returns the hosts of which an attempt is due, those that were refreshed longest ago first. */
  due(now: number): string[] {
    return [...this.#dueAt].filter(([, dueAt]) => dueAt <= now).map(([host]) => host)
  }

  /** Returns when the next attempt after now is due; infinity if none is planned. */
  next(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const dueAt of this.#dueAt.values()) if (dueAt > now && dueAt < next) next = dueAt
    return next
  }
}
