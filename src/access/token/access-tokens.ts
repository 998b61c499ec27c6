import { and, count, eq, getTableColumns, isNull, type SQL } from 'drizzle-orm'
import { rowsOfPage } from '../../db/page.ts'
import { accessTokens as table } from '../../db/tables/index.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import { hasControlCharacter } from '../../oci/control-characters.ts'
import { createGrantRows, type StoredGrant, type Subject } from '../grant/grant-rows.ts'
import {
  checkGrantedRole,
  commonNamespace,
  formatPlace,
  type GrantedAt,
  requireRightsOf,
} from '../grant/place.ts'
import type { AccessParts } from '../identity/dependencies.ts'
import { principalId, requireUserId } from '../identity/principal.ts'
import { createSecret } from '../identity/secret-text.ts'
import { ANY } from '../right/rights.ts'
import { requirePerson, type Viewer } from '../right/viewer.ts'

/** A token, without its secret. */
export type AccessToken = Omit<typeof table.$inferSelect, 'hash'>

/** What a person asks for. */
export interface NewAccessToken {
  readonly name: string
  /** What the token may do: at each use at most what its creator may do. */
  readonly grants: readonly GrantedAt[]
  /** Milliseconds since 1970; null for a token that does not expire. */
  readonly expiresAt: number | null
}

const MAX_NAME_LENGTH = 100
/** Most grants of a token. */
const MAX_GRANTS = 50
/** Most valid tokens of a person. */
const MAX_TOKENS = 500

const { hash: _hash, ...COLUMNS } = getTableColumns(table)

/** Creates the store of tokens. People create them for themselves; neither tokens nor rules can. */
export function createAccessTokens({ db, audit, changes, now }: AccessParts) {
  const { orm } = db
  const grants = createGrantRows(db)
  const row = (id: number): AccessToken | undefined =>
    orm.select(COLUMNS).from(table).where(eq(table.id, id)).get()

  /** The tokens that the viewer sees: a server admin all, a person their own. */
  const visibleTo = (viewer: Viewer): SQL | undefined =>
    viewer.rights.isServerAdmin ? undefined : eq(table.userId, requireUserId(viewer))
  const countWhere = (condition: SQL | undefined): number =>
    orm.select({ count: count() }).from(table).where(condition).get()?.count ?? 0

  const byId = (viewer: Viewer, id: number): AccessToken | undefined => {
    const token = row(id)
    const isOwn = token && [principalId('user', token.userId), principalId('token', id)].includes(viewer.id)
    return isOwn || viewer.rights.isServerAdmin ? token : undefined
  }

  return {
    /** Returns a token to its creator, to the token itself and to server admins. */
    byId,

    /** Returns the grants of a token that `byId` or `page` returned. */
    grantsOf: ({ id }: Pick<AccessToken, 'id'>): StoredGrant[] => grants.of([subjectOf(id)]),

    /** Returns a page, newest first, by number, which is its key. Throws ForbiddenError, UnauthenticatedError. */
    page(viewer: Viewer, page: KeysetPage): AccessToken[] {
      requirePerson(viewer)
      const list = { columns: [table.id], where: visibleTo(viewer), descending: true }
      return rowsOfPage(orm.select(COLUMNS).from(table).$dynamic(), page, list)
    },

    /** Returns the number of tokens, revoked and expired ones included. Throws as `page`. */
    count(viewer: Viewer): number {
      requirePerson(viewer)
      return countWhere(visibleTo(viewer))
    },

    /**
     * Creates a token of the viewer and returns it with its secret, `ist_…`, which is not stored. Throws ForbiddenError,
     * UnauthenticatedError, InvalidInputError.
     */
    create(viewer: Viewer, wanted: NewAccessToken): { readonly token: AccessToken; readonly secret: string } {
      const userId = requireUserId(viewer)
      const createdAt = now()
      checkWanted(viewer, wanted, createdAt)
      return db.transact((tx) => {
        if (countWhere(and(eq(table.userId, userId), isNull(table.revokedAt))) >= MAX_TOKENS)
          throw new InvalidInputError('name', `a person has at most ${MAX_TOKENS} tokens: revoke unused ones`)
        const { text, hash, prefix } = createSecret('ACCESS_TOKEN')
        const { name, expiresAt } = wanted
        const token = orm
          .insert(table)
          .values({ userId, name, hash, prefix, createdAt, expiresAt })
          .returning(COLUMNS)
          .get()
        for (const granted of wanted.grants)
          grants.add(tx, subjectOf(token.id), granted, { createdAt, createdBy: viewer.id })
        const places = wanted.grants.map(({ role, ...place }) => `${role} ${formatPlace(place)}`)
        const details = { name, expiresAt, grants: places }
        audit.record(tx, viewer, {
          ...auditedToken('createAccessToken', token),
          namespace: commonNamespace(wanted.grants),
          details,
        })
        changes.record(tx)
        return { token, secret: text }
      })
    },

    /** Revokes a token of the viewer; a server admin revokes any. Throws ForbiddenError, UnauthenticatedError, NotFoundError. */
    revoke(viewer: Viewer, id: number): AccessToken {
      requirePerson(viewer)
      return db.transact((tx) => {
        const token = byId(viewer, id)
        if (!token) throw new NotFoundError('there is no such access token')
        const revokedAt = token.revokedAt ?? now()
        audit.record(tx, viewer, {
          ...auditedToken('revokeAccessToken', token),
          namespace: commonNamespace(grants.of([subjectOf(id)])),
          details: { name: token.name },
        })
        changes.record(tx)
        orm.update(table).set({ revokedAt }).where(eq(table.id, id)).run()
        return { ...token, revokedAt }
      })
    },
  }
}

const subjectOf = (id: number): Subject => ({ subjectKind: 'TOKEN', subject: String(id) })

const auditedToken = (action: string, { id }: Pick<AccessToken, 'id'>) => ({
  action,
  target: principalId('token', id),
})

/** Throws InvalidInputError, and ForbiddenError for rights that the creator does not have. */
function checkWanted(viewer: Viewer, { name, grants, expiresAt }: NewAccessToken, at: number): void {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH || hasControlCharacter(name))
    throw new InvalidInputError(
      'name',
      `a name has 1 to ${MAX_NAME_LENGTH} characters, no line break among them`,
    )
  if (expiresAt !== null && expiresAt <= at)
    throw new InvalidInputError('expiresAt', 'the time is in the past')
  if (grants.length === 0 || grants.length > MAX_GRANTS)
    throw new InvalidInputError('grants', `a token has 1 to ${MAX_GRANTS} grants`)
  for (const [at, granted] of grants.entries()) {
    checkGrantedRole(granted, `grants.${at}.place`)
    // in all namespaces stands for wherever the creator has the right, now and later
    if (granted.namespace !== ANY || granted.role === 'SERVER_ADMIN') requireRightsOf(viewer, granted)
  }
}
