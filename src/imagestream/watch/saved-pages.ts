import type { Database } from '../../db/open.ts'
import type { importListings } from '../../db/tables/index.ts'
import type { TagName } from '../../oci/tag.ts'
import type { SavedPages } from '../request/registry-reader.ts'

/** Milliseconds for which saved pages are used. Older ones are read again, because tags may have been added since. */
export const MAX_PAGE_AGE = 60 * 60 * 1000

/** Returns the storage of the pages of an import's tag list. They are deleted when the import ends. */
export function createSavedPages(
  { db, now }: { readonly db: Database; readonly now: () => number },
  importId: number,
): SavedPages {
  const clear = (): void => {
    db.prepare('delete from import_listings where import_id = ?').run(importId)
  }
  return {
    read() {
      const pages = db
        .prepare<Pick<typeof importListings.$inferSelect, 'names' | 'next' | 'readAt'>>(
          'select names, next, read_at as readAt from import_listings where import_id = ? order by page',
        )
        .all(importId)
      const [first] = pages
      if (first && Math.abs(now() - first.readAt) > MAX_PAGE_AGE) {
        clear()
        return { names: [], next: null }
      }
      return {
        names: pages.flatMap(({ names }) => JSON.parse(names) as TagName[]),
        next: pages.at(-1)?.next ?? null,
      }
    },
    add: (names, next) =>
      db.transactTogether(() => {
        db.prepare(
          `insert into import_listings (import_id, page, names, next, read_at)
             select ?, coalesce(max(page), 0) + 1, ?, ?, ? from import_listings where import_id = ?`,
        ).run(importId, JSON.stringify(names), next, now(), importId)
      }),
    clear,
  }
}
