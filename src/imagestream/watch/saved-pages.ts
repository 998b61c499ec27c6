import type { Database } from '../../db/open.ts'
import type { TagName } from '../../oci/tag.ts'
import type { SavedPages } from '../request/registry-answers.ts'

/** Milliseconds for which pages are good: what is older is read again, for tags may have come since. */
export const PAGES_ARE_GOOD_FOR = 60 * 60 * 1000

interface SavedPage {
  names: string
  next: string
  readAt: number
}

/** The pages of the one listing that an import saves; they go with the end of the import. */
export function createSavedPages(
  { db, now }: { readonly db: Database; readonly now: () => number },
  importId: number,
): SavedPages {
  const forget = (): void => {
    db.prepare('delete from import_listings where import_id = ?').run(importId)
  }
  return {
    read() {
      const pages = db
        .prepare<SavedPage>(
          'select names, next, read_at as readAt from import_listings where import_id = ? order by page',
        )
        .all(importId)
      const [first] = pages
      if (first && Math.abs(now() - first.readAt) > PAGES_ARE_GOOD_FOR) {
        forget()
        return { names: [], next: null }
      }
      return {
        names: pages.flatMap(({ names }) => JSON.parse(names) as TagName[]),
        next: pages.at(-1)?.next ?? null,
      }
    },
    add: (names, next) =>
      db.transactTogether(
        () => {
          db.prepare(
            `insert into import_listings (import_id, page, names, next, read_at)
             select ?, coalesce(max(page), 0) + 1, ?, ?, ? from import_listings where import_id = ?`,
          ).run(importId, JSON.stringify(names), next, now(), importId)
        },
        { patient: false },
      ),
    forget,
  }
}
