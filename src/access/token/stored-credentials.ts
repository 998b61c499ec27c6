import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { accessTokens, sessions, users } from '../../db/tables/index.ts'
import { principalId } from '../identity/principal.ts'
import { parseSecret } from '../identity/secret-text.ts'
import type { ProvenCredential } from './credential.ts'

/**
 * Creates the lookup of sessions and access tokens, by the hash of their secret alone: the time of a lookup depends on no
 * stored secret. Unknown, revoked and foreign secrets take the same path.
 */
export function createStoredCredentials({ orm }: Pick<Database, 'orm'>) {
  const isActive = isNull(users.suspendedAt)
  const columns = { userId: users.id, userName: users.name }
  const session = (condition: SQL) =>
    orm
      .select({ ...columns, id: sessions.id, expiresAt: sessions.expiresAt })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(and(condition, isActive))
      .prepare()
  const token = (condition: SQL) =>
    orm
      .select({ ...columns, id: accessTokens.id, name: accessTokens.name, expiresAt: accessTokens.expiresAt })
      .from(accessTokens)
      .innerJoin(users, eq(users.id, accessTokens.userId))
      .where(and(condition, isNull(accessTokens.revokedAt), isActive))
      .prepare()
  const sessionByHash = session(eq(sessions.hash, sql.placeholder('key')))
  const sessionById = session(eq(sessions.id, sql.placeholder('key')))
  const tokenByHash = token(eq(accessTokens.hash, sql.placeholder('key')))
  const tokenById = token(eq(accessTokens.id, sql.placeholder('key')))

  const credentialOfSession = (hash: Buffer): ProvenCredential | undefined => {
    const row = sessionByHash.get({ key: hash })
    return (
      row && {
        principal: principalId('user', row.userId),
        name: row.userName,
        expiresAt: row.expiresAt,
        used: { kind: 'SESSION', id: row.id },
        isValid: () => sessionById.get({ key: row.id }) !== undefined,
      }
    )
  }

  const credentialOfToken = (hash: Buffer): ProvenCredential | undefined => {
    const row = tokenByHash.get({ key: hash })
    return (
      row && {
        principal: principalId('token', row.id),
        name: `${row.name} of ${row.userName}`,
        expiresAt: row.expiresAt,
        used: { kind: 'ACCESS_TOKEN', id: row.id },
        isValid: () => tokenById.get({ key: row.id }) !== undefined,
      }
    )
  }

  const find = (kind: string, hash: Buffer): ProvenCredential | undefined => {
    if (kind === 'SESSION') return credentialOfSession(hash)
    if (kind === 'ACCESS_TOKEN') return credentialOfToken(hash)
    return undefined
  }

  return {
    /** The form of sessions and access tokens. */
    form(text: string): ProvenCredential | undefined {
      const parsed = parseSecret(text)
      return parsed && find(parsed.kind, parsed.hash)
    },

    /** Returns a text that identifies the credential with this secret and does not reveal it; undefined for another text. */
    referenceOf(text: string): string | undefined {
      const parsed = parseSecret(text)
      return parsed && `${parsed.kind}:${parsed.hash.toString('base64url')}`
    },

    /** Returns the credential of a text that `referenceOf` returned; undefined once it was revoked. */
    byReference(reference: string): ProvenCredential | undefined {
      const [kind = '', hash = ''] = reference.split(':')
      return find(kind, Buffer.from(hash, 'base64url'))
    },
  }
}
