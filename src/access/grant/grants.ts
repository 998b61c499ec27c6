import { and, count, eq } from 'drizzle-orm'
import { pageBy } from '../../db/page.ts'
import { accessTokens, federationRules, grants as table, users } from '../../db/tables/index.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { AccessParts } from '../identity/dependencies.ts'
import { requireUserId } from '../identity/principal.ts'
import { ANY } from '../right/rights.ts'
import { requireInNamespace, requirePerson, requireServerAdmin, type Viewer } from '../right/viewer.ts'
import { createGrantRows, type StoredGrant, type Subject } from './grant-rows.ts'
import { checkGrantedRole, formatPlace, type GrantedAt, requireRightsOf } from './place.ts'

/** Selects grants; undefined selects all. */
export interface GrantFilter {
  readonly namespace?: string | undefined
}

/** Roles of principals at places. */
export type Grants = ReturnType<typeof createGrants>

/** Characters of a group's name in the claims of a provider. */
const MAX_GROUP_LENGTH = 255
/** Most grants at the places of one namespace: each is read when the rights of a principal are resolved. */
const MAX_GRANTS = 2_000

/** Creates the store of grants. Only people give and revoke them, and never more rights than they have themselves. */
export function createGrants({ db, audit, changes, now }: AccessParts) {
  const { orm } = db
  const rows = createGrantRows(db)
  const inNamespace = ({ namespace }: GrantFilter) =>
    namespace === undefined ? undefined : eq(table.namespace, namespace)
  const countOf = (filter: GrantFilter): number =>
    orm.select({ count: count() }).from(table).where(inNamespace(filter)).get()?.count ?? 0

  /** Throws unless the viewer reads the grants of the namespace, or of all of them. */
  const requireRead = (viewer: Viewer, { namespace }: GrantFilter): void => {
    if (namespace === undefined) requireServerAdmin(viewer)
    else requireInNamespace(viewer, 'grant', namespace)
  }

  const requireSubject = (viewer: Viewer, subject: Subject, role: StoredGrant['role']): void => {
    if (subject.subjectKind === 'EVERYONE' && role !== 'VIEWER' && role !== 'PULLER') {
      throw new InvalidInputError('role', `everyone can only read: the role is VIEWER or PULLER, not ${role}`)
    }
    if (subject.subjectKind === 'SIGNED_IN' && role === 'SERVER_ADMIN')
      throw new InvalidInputError('role', 'SERVER_ADMIN is a role of people and groups')
    checkSubject(subject)
    const id = Number(subject.subject)
    const isMissing = {
      USER: () => !orm.select().from(users).where(eq(users.id, id)).get(),
      RULE: () => !orm.select().from(federationRules).where(eq(federationRules.id, id)).get(),
      TOKEN: () =>
        orm.select().from(accessTokens).where(eq(accessTokens.id, id)).get()?.userId !==
        requireUserId(viewer),
      GROUP: () => false,
      SIGNED_IN: () => false,
      EVERYONE: () => false,
    }[subject.subjectKind]
    if (isMissing()) throw new NotFoundError('there is no such user, rule or token of your own')
  }

  return {
    /** Returns a grant to those who may change it, and to no one else. */
    byId({ rights }: Viewer, id: number): StoredGrant | undefined {
      const grant = rows.byId(id)
      const mayRead = grant && (rights.isServerAdmin || rights.mayInNamespace('grant', grant.namespace))
      return mayRead ? grant : undefined
    },

    /** Returns a page by namespace and number, which are its keys. Throws ForbiddenError, UnauthenticatedError. */
    page(viewer: Viewer, filter: GrantFilter, keyset: KeysetPage): StoredGrant[] {
      requireRead(viewer, filter)
      const page = pageBy([table.namespace, table.id], keyset)
      const found = orm
        .select()
        .from(table)
        .where(and(inNamespace(filter), page.where))
        .orderBy(...page.orderBy)
        .limit(page.limit)
      return page.inOrder(found.all())
    },

    /** Returns the number of grants. Throws as `page`. */
    count(viewer: Viewer, filter: GrantFilter): number {
      requireRead(viewer, filter)
      return countOf(filter)
    },

    /**
     * Gives a role. An equal grant stays as it is. Throws ForbiddenError, UnauthenticatedError, InvalidInputError, and
     * NotFoundError for a subject that does not exist.
     */
    grant(viewer: Viewer, subject: Subject, granted: GrantedAt): StoredGrant {
      requirePerson(viewer)
      checkGrantedRole(granted, 'place')
      requireGranting(viewer, granted)
      requireRightsOf(viewer, granted)
      requireSubject(viewer, subject, granted.role)
      return db.transact((tx) => {
        if (countOf(granted) >= MAX_GRANTS)
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

/** Throws InvalidInputError unless the subject is written in the form of its kind. */
function checkSubject({ subjectKind, subject }: Subject): void {
  if (subjectKind !== 'GROUP') return
  if (subject.length > 0 && subject.length <= MAX_GROUP_LENGTH) return
  throw new InvalidInputError('group', `a group's name has 1 to ${MAX_GROUP_LENGTH} characters`)
}

const auditedGrant = (action: string, { subjectKind, subject }: Subject, { role, ...place }: GrantedAt) => ({
  action,
  namespace: place.namespace === ANY ? null : place.namespace,
  target: formatPlace(place),
  details: { role, subjectKind, subject },
})
