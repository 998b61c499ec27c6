import type { Viewer } from '../../access/right/viewer.ts'
import type { EntryFilter, LogEntry } from '../../events/log-entry.ts'
import type { ChangeTail } from './change-tail.ts'

/** The result of one operation for one entry of the log. */
export interface ChangeResult {
  readonly sequence: number
  /** When the change was recorded, in milliseconds since 1970. */
  readonly recordedAt: number
  /** Resumes after this entry. */
  readonly cursor: string
  /** The execution result as JSON in UTF-8. */
  readonly json: Buffer
}

/** Results for every reader at the same position. All of these readers get the same object. */
export interface ChangePage {
  /** In commit order, never empty. */
  readonly results: readonly ChangeResult[]
}

/** A page, or no results, with the position that a reader has after it. */
export interface ChangeStretch extends ChangePage {
  readonly through: number
}

export interface ChangePageOptions {
  readonly source: ChangeTail
  /** A viewer with the rights of all readers of the page. */
  readonly viewer: Viewer
  readonly filter: EntryFilter
  readonly render: (entry: LogEntry) => Promise<ChangeResult>
}

/** Bytes after which a page ends. */
const PAGE_BYTES = 64 * 1024

/** Renders the entries after a position, up to the size of a page. Rejects as `ChangeTail.after` throws. */
export async function renderPage(
  { source, viewer, filter, render }: ChangePageOptions,
  position: number,
): Promise<ChangeStretch> {
  const { entries, through } = source.after(viewer, position, filter)
  const results: ChangeResult[] = []
  let bytes = 0
  for (const entry of entries) {
    const result = await render(entry)
    results.push(result)
    bytes += result.json.length
    if (bytes >= PAGE_BYTES) return { results, through: entry.sequence }
  }
  return { results, through }
}
