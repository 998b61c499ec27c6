import type { Transaction } from '../db/transact.ts'
import type { HistoryPlan, ReportedHistories } from '../imagestream/watch/reported-histories.ts'
import { KEPT_ENTRIES } from '../imagestream/watch/reported-histories.ts'
import type { ParsedDocument } from './parse.ts'
import { pathText } from './source.ts'
import { readHistories } from './status-history.ts'

export interface HistoryImportDependencies {
  readonly reportedHistories: ReportedHistories
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The histories of one document, before they are imported. */
export interface HistoryImport {
  /** Number of entries that are imported. */
  readonly entries: number
  /** A line for each tag with such entries; empty for none. */
  readonly diff: string
  store(tx: Transaction, streamId: number): void
}

const NOTHING: HistoryImport = { entries: 0, diff: '', store() {} }

/**
 * Creates the import of the histories in a document's status. Without `importHistory` nothing is imported. Warns of entries
 * that are ignored or left out; entries that this server observed or has imported are neither.
 */
export function createHistoryImports({ reportedHistories, now }: HistoryImportDependencies) {
  return (
    document: ParsedDocument,
    { streamId, importHistory }: { readonly streamId: number | null; readonly importHistory: boolean },
  ): HistoryImport => {
    if (document.kind !== 'ImageStream') return NOTHING
    const { report } = document
    const plans = readHistories(document.status, { report, now: now() }).map((history) => {
      const plan = reportedHistories.plan(streamId, history)
      for (const message of importHistory ? leftOut(plan) : ignored(plan)) report.warn(history.path, message)
      return plan
    })
    const added = importHistory ? plans.filter((plan) => plan.added.length > 0) : []
    return {
      entries: added.reduce((sum, plan) => sum + plan.added.length, 0),
      diff: added.map(lineOf).join(''),
      store(tx, id) {
        for (const plan of added) reportedHistories.store(tx, id, plan)
      },
    }
  }
}

const LIMIT = KEPT_ENTRIES.toLocaleString('en')

const counted = (count: number, of: string): string => `${count} ${count === 1 ? 'entry' : 'entries'} ${of}`

const ignored = ({ added, leftOut: beyond }: HistoryPlan): string[] => {
  if (added.length === 0) return leftOut({ leftOut: beyond })
  const all = added.length === 1 ? 'it' : 'them'
  const which = beyond === 0 ? all : `the newest ${LIMIT}`
  const count = added.length + beyond
  const verb = count === 1 ? 'is' : 'are'
  return [`${counted(count, 'of history')} ${verb} ignored: importHistory: true imports ${which}`]
}

const leftOut = ({ leftOut: count }: Pick<HistoryPlan, 'leftOut'>): string[] =>
  count === 0
    ? []
    : [
        `${counted(count, 'of history')} ${count === 1 ? 'is' : 'are'} left out: a tag keeps the newest ${LIMIT} of documents`,
      ]

const lineOf = ({ tag, added }: HistoryPlan): string =>
  `+ ${pathText(['status', 'tags', tag, 'items'])}: ${JSON.stringify(`${counted(added.length, 'of history')}, reported and not observed`)}\n`
