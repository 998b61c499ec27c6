import { eq } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Database } from '../../db/open.ts'
import { accessTokens, federationRules, users } from '../../db/tables/index.ts'
import type { AccessChanges } from '../identity/access-changes.ts'
import { namespaceOfPrincipal, parsePrincipal, principalId } from '../identity/principal.ts'
import { groupsOf } from '../identity/users.ts'
import { createRightSets } from '../right/right-sets.ts'
import { ANY, EVERYTHING, intersection, type Rights, type RoleGrant } from '../right/rights.ts'
import { SYSTEM } from '../right/viewer.ts'
import { createGrantRows, EVERYONE, SIGNED_IN, type StoredGrant, type Subject } from './grant-rows.ts'

interface PrincipalRightsDependencies {
  readonly db: Database
  readonly changes: AccessChanges
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The current rights of principals. */
export type PrincipalRights = ReturnType<typeof createPrincipalRights>

interface Resolved {
  readonly rights: Rights
  /** Milliseconds since 1970 from which the principal has no rights; undefined for one that does not expire. */
  readonly until?: number
}

/** Principals whose rights are kept until a grant changes. */
const MAX_CACHED = 10_000

/** Creates the resolution of grants: of a person, of their groups, of every person and of every client. */
export function createPrincipalRights({ db, changes, now }: PrincipalRightsDependencies) {
  const { orm } = db
  const rows = createGrantRows(db)
  const rightSets = createRightSets(db)
  const cache = new LRUCache<string, Resolved>({ max: MAX_CACHED })
  const none = rightSets.rightsOf([])
  let generation = changes.generation()

  const granted = (subjects: readonly Subject[]): Rights => {
    const grants = rows.of([...subjects, EVERYONE])
    const isServerAdmin = grants.some(({ role }) => role === 'SERVER_ADMIN')
    return rightSets.rightsOf(grants.filter(isRoleGrant), { isServerAdmin })
  }

  const ofUser = (id: number): Resolved => {
    const user = orm.select().from(users).where(eq(users.id, id)).get()
    if (!user || user.suspendedAt !== null) return { rights: none }
    const groups = groupsOf(user).map((subject): Subject => ({ subjectKind: 'GROUP', subject }))
    return { rights: granted([{ subjectKind: 'USER', subject: String(id) }, SIGNED_IN, ...groups]) }
  }

  const ofToken = (id: number): Resolved => {
    const token = orm.select().from(accessTokens).where(eq(accessTokens.id, id)).get()
    if (!token || token.revokedAt !== null) return { rights: none }
    const own = granted([{ subjectKind: 'TOKEN', subject: String(id) }])
    const rights = withoutGranting(intersection([own, rightsOf(principalId('user', token.userId))]))
    return token.expiresAt === null ? { rights } : { rights, until: token.expiresAt }
  }

  const ofRule = (id: number): Resolved => {
    const rule = orm.select().from(federationRules).where(eq(federationRules.id, id)).get()
    if (!rule || rule.disabledAt !== null) return { rights: none }
    return { rights: withoutGranting(granted([{ subjectKind: 'RULE', subject: String(id) }])) }
  }

  const OF_KIND = { user: ofUser, token: ofToken, rule: ofRule }

  function resolved(principal: string): Resolved {
    if (principal === SYSTEM.id) return { rights: EVERYTHING }
    const namespace = namespaceOfPrincipal(principal)
    if (namespace !== undefined) {
      return { rights: rightSets.rightsOf([{ role: 'EDITOR', namespace, streams: ANY }]) }
    }
    const parsed = parsePrincipal(principal)
    return parsed ? OF_KIND[parsed.kind](parsed.id) : { rights: granted([]) }
  }

  /**
   * Returns the rights that a principal has now, by its id (`user:12`, `token:7`, `rule:3`, `anonymous`): those of its grants, and
   * of everyone; for `namespace:team` those of an editor in that namespace. None for a principal that was suspended, revoked or disabled, or does not exist. A token has at most the rights of
   * its creator, and neither tokens nor rules can give rights to others.
   */
  function rightsOf(principal: string): Rights {
    if (generation !== changes.generation()) {
      generation = changes.generation()
      cache.clear()
    }
    const known = cache.get(principal)
    const current = known ?? resolved(principal)
    if (!known) cache.set(principal, current)
    return current.until !== undefined && current.until <= now() ? none : current.rights
  }

  return { rightsOf }
}

const isRoleGrant = (grant: StoredGrant): grant is StoredGrant & RoleGrant => grant.role !== 'SERVER_ADMIN'

/** Returns the rights without `grant`, also for a server admin. */
function withoutGranting(rights: Rights): Rights {
  return {
    ...rights,
    key: `${rights.key} without grant`,
    may: (right, stream) => right !== 'grant' && rights.may(right, stream),
    mayInNamespace: (right, namespace) => right !== 'grant' && rights.mayInNamespace(right, namespace),
    mayInPartOf: (right, namespace) => right !== 'grant' && rights.mayInPartOf(right, namespace),
    namespacesWith: (right, extent) => (right === 'grant' ? [] : rights.namespacesWith(right, extent)),
  }
}
