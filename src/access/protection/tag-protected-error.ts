import { NamespaceRuleError } from '../right/errors.ts'
import type { Role } from '../right/role.ts'

export type ExceptedRole = Role | 'SERVER_ADMIN'

/** Tags of a namespace that may not be moved or removed. */
export interface ProtectedPattern {
  readonly namespace: string
  /** Pattern over names of streams. */
  readonly streams: string
  /** Pattern over names of tags. */
  readonly tags: string
  /** Roles that may move and remove them all the same. */
  readonly exceptRoles: readonly ExceptedRole[]
}

/** A tag is protected from being moved or removed; nothing was written. */
export class TagProtectedError extends NamespaceRuleError {
  constructor(tag: string, { namespace, streams, tags, exceptRoles }: ProtectedPattern) {
    const by = `the protection "${[streams, tags].join(':')}" of the namespace ${namespace}`
    const who = exceptRoles.length === 0 ? 'no role' : `only the roles ${exceptRoles.join(', ')}`
    super(`the tag ${tag} may not be moved or removed: ${by} allows it to ${who}`, 'ProtectedTag')
  }
}
