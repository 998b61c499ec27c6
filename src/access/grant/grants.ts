import { count } from 'drizzle-orm'
import { isInNamespaces } from '../../db/one-of.ts'
import { rowsOfPage } from '../../db/page.ts'
import { grants as table } from '../../db/tables/index.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { AccessParts } from '../identity/dependencies.ts'
import { ANY } from '../right/rights.ts'
import {
  namespacesOf,
  readsIn,
  requireInNamespace,
  requirePerson,
  requireServerAdmin,
  type Viewer,
} from '../right/viewer.ts'
import { createGrantRows, type StoredGrant, type Subject } from './grant-rows.ts'
import { checkGrantedRole, formatPlace, type GrantedAt, requireRightsOf } from './place.ts'
import { createSubjects, type NamedSubject } from './subjects.ts'

/** Most grants at the places of one namespace: each is read when the rights of a principal are resolved. */
const MAX_GRANTS = 2_000

/** Creates the store of grants. Only people give and revoke them, and never more rights than they have themselves. */
export function createGrants({ db, audit, changes, now }: AccessParts) {
  const { orm } = db
  const rows = createGrantRows(db)
  const subjects = createSubjects(db)
  const countIn = (namespaces: readonly string[] | null): number =>
    orm.select({ count: count() }).from(table).where(isInNamespaces(table.namespace, namespaces)).get()
      ?.count ?? 0

  return {
    /** Returns the name of a grant's subject for people; null for every person and everyone. */
    nameOf: subjects.nameOf,

    /** Returns a grant to those who may change it, and to no one else. */
    byId(viewer: Viewer, id: number): StoredGrant | undefined {
      const grant = rows.byId(id)
      return grant && readsIn(viewer, 'grant', grant.namespace) ? grant : undefined
    },

    /**
     * Returns a page by namespace and number, which are its keys: of one namespace, or for null of all that the viewer reads.
     * Throws ForbiddenError, UnauthenticatedError.
     */
    page(viewer: Viewer, namespace: string | null, page: KeysetPage): StoredGrant[] {
      const where = isInNamespaces(table.namespace, namespacesOf(viewer, 'grant', namespace))
      return rowsOfPage(orm.select().from(table).$dynamic(), page, {
        columns: [table.namespace, table.id],
        where,
      })
    },

    /** Returns the number of grants. Throws as `page`. */
    count: (viewer: Viewer, namespace: string | null): number =>
      countIn(namespacesOf(viewer, 'grant', namespace)),

    /**
     * Gives a role. An equal grant stays as it is. Throws ForbiddenError, UnauthenticatedError, InvalidInputError, and
     * NotFoundError for a subject that does not exist, ConflictError for a name of several people.
     */
    grant(viewer: Viewer, named: NamedSubject, granted: GrantedAt): StoredGrant {
      requirePerson(viewer)
      checkGrantedRole(granted, 'place')
      requireGranting(viewer, granted)
      requireRightsOf(viewer, granted)
      checkRoleOf(named.subjectKind, granted.role)
      const subject = subjects.named(viewer, named)
      return db.transact((tx) => {
        if (countIn([granted.namespace]) >= MAX_GRANTS)
          throw new InvalidInputError(
            'place',
            `a namespace has at most ${MAX_GRANTS} grants: grant to groups`,
          )
        audit.record(tx, viewer, auditedGrant('grantRole', subject, granted))
        changes.record(tx)
        return rows.add(tx, subject, granted, { createdAt: now(), createdBy: viewer.id })
      })
    },

    /** Takes a role away and returns the grant as it was. Throws ForbiddenError, UnauthenticatedError, NotFoundError. */
    revoke(viewer: Viewer, id: number): StoredGrant {
      requirePerson(viewer)
      return db.transact((tx) => {
        const grant = rows.byId(id)
        const seen = grant && viewer.rights.mayInPartOf('grant', grant.namespace)
        if (!seen) throw new NotFoundError('there is no such grant')
        requireGranting(viewer, grant)
        audit.record(tx, viewer, auditedGrant('revokeGrant', grant, grant))
        changes.record(tx)
        rows.remove(tx, id)
        return grant
      })
    },
  }
}

/** Throws unless the viewer may give rights at the place. */
function requireGranting(viewer: Viewer, { role, namespace, streams }: GrantedAt): void {
  if (role === 'SERVER_ADMIN') requireServerAdmin(viewer)
  else if (!viewer.rights.may('grant', { namespace, name: streams }))
    requireInNamespace(viewer, 'grant', namespace)
}

/** Throws InvalidInputError for a role that this kind of subject cannot have. */
function checkRoleOf(subjectKind: Subject['subjectKind'], role: GrantedAt['role']): void {
  if (subjectKind === 'EVERYONE' && role !== 'VIEWER' && role !== 'PULLER')
    throw new InvalidInputError('role', `everyone can only read: the role is VIEWER or PULLER, not ${role}`)
  if (subjectKind !== 'USER' && subjectKind !== 'GROUP' && role === 'SERVER_ADMIN')
    throw new InvalidInputError('role', 'SERVER_ADMIN is a role of people and groups')
}

const auditedGrant = (action: string, { subjectKind, subject }: Subject, { role, ...place }: GrantedAt) => ({
  action,
  namespace: place.namespace === ANY ? null : place.namespace,
  target: formatPlace(place),
  details: { role, subjectKind, subject },
})
