import { InvalidInputError, quoted } from '../../input/errors.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import { ForbiddenError } from '../right/errors.ts'
import { ANY, type RoleGrant } from '../right/rights.ts'
import { ROLES, type Role } from '../right/role.ts'
import { requireServerAdmin, type Viewer } from '../right/viewer.ts'

/** Streams of a namespace, or of all with `*`, whose names match a pattern. */
export type Place = Pick<RoleGrant, 'namespace' | 'streams'>

/** A role, or everything in every namespace and the server itself. */
export type GrantedRole = Role | 'SERVER_ADMIN'

/** A role at a place. */
export interface GrantedAt extends Place {
  readonly role: GrantedRole
}

/** Returns the place as users write it: `team/*`. */
export const formatPlace = ({ namespace, streams }: Place): string => `${namespace}/${streams}`

/** Returns the namespace in which all of the places are; null for several, and for every namespace. */
export function commonNamespace(places: readonly Place[]): string | null {
  const [namespace, ...others] = new Set(places.map((place) => place.namespace))
  return namespace === undefined || namespace === ANY || others.length > 0 ? null : namespace
}

/** Returns the place that a text names, such as `team/app`, `team/*` and `*` for every namespace. Throws InvalidInputError. */
export function parsePlace(text: string, field: string): Place {
  const { namespace = ANY, stream } = patternNamed({ name: text }, field)
  const hasNamespace = text.includes('/') && !text.includes(':')
  if (!hasNamespace || stream === undefined || stream === '') {
    throw new InvalidInputError(
      field,
      `${quoted(text)} is not a place: write a namespace and a pattern over names of streams, such as team/*, team/app or */*`,
    )
  }
  return { namespace, streams: stream }
}

/** Throws InvalidInputError for a server admin of less than everything. */
export function checkGrantedRole({ role, ...place }: GrantedAt, field: string): void {
  if (role !== 'SERVER_ADMIN' || formatPlace(place) === `${ANY}/${ANY}`) return
  throw new InvalidInputError(
    field,
    'SERVER_ADMIN is a role in all streams of all namespaces: the place is */*',
  )
}

/** Reports whether the viewer may give the role at the place to others. */
export const mayGive = ({ rights }: Viewer, { role, namespace, streams }: GrantedAt): boolean =>
  role === 'SERVER_ADMIN' ? rights.isServerAdmin : rights.may('grant', { namespace, name: streams })

/**
 * Throws ForbiddenError unless the viewer itself has every right of the role at the place. A pattern is tested like a name: only
 * a `*` of the viewer's own patterns matches its `*`.
 */
export function requireRightsOf(viewer: Viewer, { role, namespace, streams }: GrantedAt): void {
  if (role === 'SERVER_ADMIN') {
    requireServerAdmin(viewer)
    return
  }
  const missing = ROLES[role].rights.find((right) => !viewer.rights.may(right, { namespace, name: streams }))
  if (missing === undefined) return
  throw new ForbiddenError(
    `the role ${role} has the right "${missing}", which you do not have in ${formatPlace({ namespace, streams })}: no one can give more rights than their own`,
  )
}
