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

/** A pattern, and by whom and when it was written. */
interface WrittenPattern extends ProtectedPattern {
  /** Id of the principal. */
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** A tag is protected from being moved or removed, and so is its content; nothing was written. */
export class TagProtectedError extends NamespaceRuleError {
  constructor(tag: string, { namespace, streams, tags, exceptRoles, createdBy, createdAt }: WrittenPattern) {
    const may = exceptRoles.length === 0 ? 'no one' : `only ${exceptRoles.join(', ')}, by push or by hand,`
    const set = `"${streams}:${tags}" by ${createdBy} on ${new Date(createdAt).toISOString().slice(0, 10)}`
    super(
      `the tag ${tag} is protected (${set}): ${may} may move it or remove it or its content; an admin of the namespace ${namespace} can end this (unprotectTags)`,
      'ProtectedTag',
    )
  }
}
