import type { Database } from '../../db/open.ts'
import type { importListings } from '../../db/tables/index.ts'
import type { TagName } from '../../oci/tag.ts'

/** Milliseconds for which saved pages are used. Older ones are read again, because tags may have been added since. */
export const MAX_PAGE_AGE = 60 * 60 * 1000

/** The pages of an import's tag list as they arrive, so that a restarted server continues the list. */
export type SavedPages = ReturnType<typeof createSavedPages>

/** Returns the storage of the pages, which are deleted when the import ends. */
export function createSavedPages(
  { db, now }: { readonly db: Database; readonly now: () => number },
  importId: number,
) {
  const clear = (): void => {
    db.prepare('delete from import_listings where import_id = ?').run(importId)
  }
  return {
    /** Returns the names that were read, and the cursor of the next page: null at the start. */
    read(): { readonly names: readonly TagName[]; readonly next: string | null } {
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
      const names = pages.flatMap((page) => JSON.parse(page.names) as TagName[])
      return { names, next: pages.at(-1)?.next ?? null }
    },
    add: (names: readonly TagName[], next: string): Promise<void> =>
      db.transactTogether(() => {
        db.prepare(
          `insert into import_listings (import_id, page, names, next, read_at)
             select ?, coalesce(max(page), 0) + 1, ?, ?, ? from import_listings where import_id = ?`,
        ).run(importId, JSON.stringify(names), next, now(), importId)
      }),
    clear,
  }
}
