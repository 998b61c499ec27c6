import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { tagProtections } from '../../db/tables/index.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { ROLES } from '../right/role.ts'
import { SYSTEM, type Viewer } from '../right/viewer.ts'
import { type ExceptedRole, type ProtectedPattern, TagProtectedError } from './tag-protected-error.ts'

/** Refuses changes of tags that their namespace protects. */
export type TagGuard = ReturnType<typeof createTagGuard>

/** Creates the guard of protected tags. */
export function createTagGuard({ orm }: Database) {
  const ofNamespace = orm
    .select()
    .from(tagProtections)
    .where(eq(tagProtections.namespace, sql.placeholder('namespace')))
    .prepare()

  return {
    /**
     * Throws TagProtectedError for the first tag that the viewer may not move or remove. The server itself, which imports
     * and follows other tags, is no exception. The tags are read only where a protection concerns the stream and the viewer.
     */
    require(viewer: Viewer, stream: StreamName, tags: () => readonly string[]): void {
      const { namespace, name } = stream
      let names: readonly string[] | undefined
      for (const row of ofNamespace.all({ namespace })) {
        if (!matchesGlob(row.streams, name)) continue
        const protection = patternOf(row)
        if (protection.exceptRoles.some((role) => hasRole(viewer, role, stream))) continue
        names ??= tags()
        const tag = names.find((one) => matchesGlob(row.tags, one))
        if (tag !== undefined) throw new TagProtectedError(`${namespace}/${name}:${tag}`, protection)
      }
    },
  }
}

/** Returns the row with its roles as a list. */
export const patternOf = <Row extends typeof tagProtections.$inferSelect>({
  exceptRoles,
  ...row
}: Row): Omit<Row, 'exceptRoles'> & ProtectedPattern => ({
  ...row,
  exceptRoles: JSON.parse(exceptRoles) as ExceptedRole[],
})

/** Reports whether the viewer has the rights of the role in the stream. */
function hasRole(viewer: Viewer, role: ExceptedRole, stream: StreamName): boolean {
  if (viewer === SYSTEM) return false
  const { rights } = viewer
  if (role === 'SERVER_ADMIN') return rights.isServerAdmin
  return ROLES[role].rights.every((right) => rights.may(right, stream))
}
