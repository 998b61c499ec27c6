import { count, eq } from 'drizzle-orm'
import { isInNamespaces } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { tagProtections as table } from '../../db/tables/index.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { checkNamespace } from '../../input/names.ts'
import type { KeysetPage } from '../../input/page.ts'
import { onTag } from '../audit/audit-entry.ts'
import type { AuditRecorder } from '../audit/audit-log.ts'
import { namespacesOf, readsIn, requireInNamespace, type Viewer } from '../right/viewer.ts'
import { patternOf } from './tag-guard.ts'
import type { ProtectedPattern } from './tag-protected-error.ts'

/** Stored protections of tags. */
export type TagProtections = ReturnType<typeof createTagProtections>

/** A protection with its id, and when and by whom it was written. */
export type TagProtection = ReturnType<typeof patternOf<typeof table.$inferSelect>>

interface TagProtectionsDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Runs after the commit that ended a protection. */
  readonly onUnprotected: () => void
}

/** Protections of one namespace: each move of a tag compares all of them. */
const MAX_PROTECTIONS = 100
/** Patterns that match a name of a stream, and those that match a name of a tag: another one would protect nothing. */
const PATTERNS = {
  imageStreams: { form: /^[a-z0-9._/*-]{1,255}$/, allowed: '255 lowercase letters, digits and ". _ - /"' },
  tags: { form: /^[\w.*-]{1,128}$/, allowed: '128 letters, digits and ". _ -"' },
} as const

/** Creates the reads and writes of protections. Admins of a namespace write its protections; its viewers read them. */
export function createTagProtections({ db, audit, now, onUnprotected }: TagProtectionsDependencies) {
  const { orm } = db
  const countIn = (namespaces: readonly string[] | null): number =>
    orm.select({ count: count() }).from(table).where(isInNamespaces(table.namespace, namespaces)).get()
      ?.count ?? 0
  const audited = (action: string, { namespace, streams, tags, exceptRoles }: ProtectedPattern) =>
    onTag(action, { namespace, imageStream: streams, tag: tags }, { exceptRoles })

  return {
    /**
     * Protects tags whose names match the pattern, in streams whose names match the other; a protection of the same patterns
     * is replaced. Tags may still be created. Throws InvalidInputError, ForbiddenError, UnauthenticatedError.
     */
    protect(viewer: Viewer, pattern: ProtectedPattern): TagProtection {
      const { namespace, streams, tags, exceptRoles } = pattern
      requireInNamespace(viewer, 'grant', namespace)
      checkNamespace(namespace)
      checkPattern('imageStreams', streams)
      checkPattern('tags', tags)
      return db.transact((tx) => {
        const written = {
          exceptRoles: JSON.stringify([...new Set(exceptRoles)]),
          createdAt: now(),
          createdBy: viewer.id,
        }
        const row = orm
          .insert(table)
          .values({ namespace, streams, tags, ...written })
          .onConflictDoUpdate({ target: [table.namespace, table.streams, table.tags], set: written })
          .returning()
          .get()
        if (countIn([namespace]) > MAX_PROTECTIONS) {
          const why = `the namespace ${namespace} has ${MAX_PROTECTIONS} protections, which is the maximum`
          throw new InvalidInputError('tags', `${why}: use fewer patterns`)
        }
        audit.record(tx, viewer, audited('protectTags', pattern))
        return patternOf(row)
      })
    },

    /** Removes a protection, and returns it. Throws NotFoundError, ForbiddenError, UnauthenticatedError. */
    unprotect: (viewer: Viewer, id: number): TagProtection =>
      db.transact((tx) => {
        const row = orm.select().from(table).where(eq(table.id, id)).get()
        if (!row || !reads(viewer, row)) {
          throw new NotFoundError('there is no protection of tags with this id')
        }
        requireInNamespace(viewer, 'grant', row.namespace)
        orm.delete(table).where(eq(table.id, id)).run()
        const protection = patternOf(row)
        audit.record(tx, viewer, audited('unprotectTags', protection))
        tx.afterCommit(onUnprotected)
        return protection
      }),

    /**
     * Returns a page, oldest first, by number, which is its key: of one namespace, or for null of all in which the viewer may see
     * a stream. Throws ForbiddenError, UnauthenticatedError.
     */
    page(viewer: Viewer, namespace: string | null, page: KeysetPage): TagProtection[] {
      const where = isInNamespaces(table.namespace, namespacesOf(viewer, 'view', namespace, 'PART'))
      const list = { columns: [table.id], where }
      return rowsOfPage(orm.select().from(table).$dynamic(), page, list).map(patternOf)
    },

    /** Returns the number of protections. Throws as `page`. */
    count: (viewer: Viewer, namespace: string | null): number =>
      countIn(namespacesOf(viewer, 'view', namespace, 'PART')),

    /** Returns a protection; undefined for an unknown id, and where the viewer sees nothing of its namespace. */
    byId(viewer: Viewer, id: number): TagProtection | undefined {
      const row = orm.select().from(table).where(eq(table.id, id)).get()
      return row && reads(viewer, row) ? patternOf(row) : undefined
    },
  }
}

const reads = (viewer: Viewer, { namespace }: Pick<TagProtection, 'namespace'>): boolean =>
  readsIn(viewer, 'view', namespace, 'PART')

function checkPattern(field: keyof typeof PATTERNS, pattern: string): void {
  const { form, allowed } = PATTERNS[field]
  if (form.test(pattern)) return
  throw new InvalidInputError(
    field,
    `${field} must be a pattern of 1 to ${allowed}, in which * stands for any characters: v*`,
  )
}
