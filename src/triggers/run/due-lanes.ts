import type { DeliveryLane } from '../state/lane.ts'
import type { TargetRows } from '../state/target-rows.ts'

/** When the next attempt to each lane is due: no pass has to ask for those that have nothing to do. */
export class DueLanes {
  readonly #rows: Pick<TargetRows, 'firstDueAt' | 'plannedLanes'>
  /** Milliseconds since 1970: never later than the first attempt that is planned. */
  readonly #dueAt = new Map<DeliveryLane, number>()

  constructor(rows: Pick<TargetRows, 'firstDueAt' | 'plannedLanes'>) {
    this.#rows = rows
    this.reload()
  }

  /** Reads all lanes again, after triggers were changed. */
  reload(): void {
    this.#dueAt.clear()
    for (const lane of this.#rows.plannedLanes()) this.refresh(lane)
  }

  /** Notes that an attempt of the lane is planned. */
  plan(lane: DeliveryLane, dueAt: number): void {
    this.#dueAt.set(lane, Math.min(dueAt, this.#dueAt.get(lane) ?? dueAt))
  }

  /** Reads when the first attempt of the lane is due. */
  refresh(lane: DeliveryLane): void {
    const dueAt = this.#rows.firstDueAt(lane)
    // to the end of the order: lanes take turns
    this.#dueAt.delete(lane)
    if (dueAt !== undefined) this.#dueAt.set(lane, dueAt)
  }

  /** Returns the lanes of which an attempt is due, those that were refreshed longest ago first. */
  due(now: number): DeliveryLane[] {
    return [...this.#dueAt].filter(([, dueAt]) => dueAt <= now).map(([lane]) => lane)
  }

  /** Reports whether an attempt of the lane is due. */
  isDue(lane: DeliveryLane, now: number): boolean {
    return (this.#dueAt.get(lane) ?? Number.POSITIVE_INFINITY) <= now
  }

  /** Returns when the next attempt after now is due; infinity if none is planned. */
  next(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const dueAt of this.#dueAt.values()) if (dueAt > now && dueAt < next) next = dueAt
    return next
  }
}
