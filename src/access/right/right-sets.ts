import { createHash } from 'node:crypto'
import type { Database } from '../../db/open.ts'
import { createScopes, type Scope } from '../../db/visible-places.ts'
import { ANY, decisionsOf, EVERYTHING, type Rights, type RoleGrant } from './rights.ts'

/** Rights of distinct sets of grants, each stored once as a scope of the database. */
export type RightSets = ReturnType<typeof createRightSets>

export function createRightSets(db: Database) {
  const scopes = createScopes(db)
  const known = new Map<string, WeakRef<Rights>>()
  // a scope is dropped when no viewer holds its rights
  const unused = new FinalizationRegistry<{ readonly key: string; readonly scope: Scope }>(
    ({ key, scope }) => {
      scopes.drop(scope)
      if (known.get(key)?.deref() === undefined) known.delete(key)
    },
  )

  return {
    /** Returns the rights that the grants give together. Equal grants have the same rights, in any order. */
    rightsOf(grants: readonly RoleGrant[], { isServerAdmin = false } = {}): Rights {
      if (isServerAdmin) return EVERYTHING
      const key = keyOf(grants)
      const existing = known.get(key)?.deref()
      if (existing) return existing
      const places = grants.map(({ namespace, streams }) => ({ namespace, pattern: streams }))
      const isAll = places.some(({ namespace, pattern }) => namespace === ANY && pattern === ANY)
      const scope = isAll ? null : scopes.add(places)
      const rights: Rights = {
        key,
        isServerAdmin: false,
        scopes: scope === null ? [] : [scope],
        ...decisionsOf(grants),
      }
      known.set(key, new WeakRef(rights))
      if (scope !== null) unused.register(rights, { key, scope })
      return rights
    },
  }
}

// a hash: there may be thousands of grants, and the key is part of the keys of shared executions
const keyOf = (grants: readonly RoleGrant[]): string =>
  createHash('sha256')
    .update(JSON.stringify([...new Set(grants.map(textOf))].sort()))
    .digest('base64url')

const textOf = ({ role, namespace, streams }: RoleGrant): string => `${namespace}/${streams}=${role}`
