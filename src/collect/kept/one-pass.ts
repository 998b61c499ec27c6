import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { PlanList, PlanPage } from './plan-list.ts'

/** Reads of what one pass finds. Each rejects as the pass does. */
export interface OnePass<Report> {
  /** Adds to what the pass reads. Returns the report after the pass. */
  request(request: (report: Report) => void): Promise<Report>
  /** Returns the items of a page that is requested of a list. */
  page<Item>(request: (report: Report) => PlanPage<Item>): Promise<Item[]>
  /** Returns the length of a list. */
  count<Item>(list: (report: Report) => PlanList<Item>): Promise<number>
}

/**
 * Gathers what callers request of a new report in one turn of the event loop, and makes one pass for all of them, which
 * fills the report: the lists of one plan are read together.
 */
export function onePass<Report>(
  create: () => Report,
  pass: (report: Report) => Promise<void>,
): OnePass<Report> {
  let open: { readonly report: Report; readonly finished: Promise<Report> } | undefined
  const begin = () => {
    const report = create()
    const finished = yieldToEventLoop().then(async () => {
      open = undefined
      await pass(report)
      return report
    })
    return { report, finished }
  }
  const request = (add: (report: Report) => void): Promise<Report> => {
    open ??= begin()
    add(open.report)
    return open.finished
  }
  return {
    request,
    async page(add) {
      const pages: ReturnType<typeof add>[] = []
      await request((report) => pages.push(add(report)))
      return pages.flatMap((page) => page.rows())
    },
    async count(list) {
      const report = await request((requested) => list(requested).count())
      return list(report).total
    },
  }
}
