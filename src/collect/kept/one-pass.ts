import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { PlanList } from './plan-list.ts'

/** Reads of one list of a report. */
export interface ReportedList<Item> {
  /** Returns a page, and one more item where the list continues unless `peek` is false. */
  page(page: KeysetPage): Promise<Item[]>
  /** Returns the length of the whole list. */
  count(): Promise<number>
}

/** Reads of what one pass finds. Each rejects as the pass does. */
export interface OnePass<Report> {
  /** Adds to what the pass reads. Returns the report after the pass. */
  request(request: (report: Report) => void): Promise<Report>
  /** Returns the reads of a list. */
  list<Item>(listOf: (report: Report) => PlanList<Item>): ReportedList<Item>
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
    list: (listOf) => ({
      async page(page) {
        const pages: ReturnType<ReturnType<typeof listOf>['page']>[] = []
        await request((report) => pages.push(listOf(report).page(page)))
        return pages.flatMap((one) => one.rows())
      },
      async count() {
        const report = await request((requested) => listOf(requested).count())
        return listOf(report).total
      },
    }),
  }
}
