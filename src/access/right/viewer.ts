import { NotFoundError } from '../../input/errors.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { ForbiddenError, HiddenStreamError, UnauthenticatedError } from './errors.ts'
import { EVERYTHING, type Extent, mayIn, type Rights } from './rights.ts'
import { type Right, rolesWith } from './role.ts'

/**
 * Who reads or writes, with what rights: a parameter of every read and write that an entry point of the server calls.
 */
export interface Viewer {
  /** Identifies the principal, also after it was renamed: `user:12`, `token:7`, `rule:3`, `anonymous`, `system`. */
  readonly id: string
  /** The principal for people: `alice@example.org`. */
  readonly name: string
  readonly rights: Rights
  /** Address of the client; null for the server's own work. */
  readonly address: string | null
  /** Id of the request, which the log has too; null for the server's own work. */
  readonly requestId: string | null
}

/** Where a request comes from, and its id. */
export type Client = Pick<Viewer, 'address' | 'requestId'>

/** The server itself: imports on schedule, collection, reactions. */
export const SYSTEM: Viewer = {
  id: 'system',
  name: 'server',
  rights: EVERYTHING,
  address: null,
  requestId: null,
}

const ANONYMOUS = 'anonymous'

/** Returns the viewer of a request without credentials. */
export const anonymous = (rights: Rights, client: Client): Viewer => ({ ...unidentified(client), rights })

/** Returns whom a request without a valid credential is from. */
export const unidentified = ({ address, requestId }: Client): Omit<Viewer, 'rights'> => ({
  id: ANONYMOUS,
  name: ANONYMOUS,
  address,
  requestId,
})

/** Reports whether the viewer has presented no credential. */
export const isAnonymous = ({ id }: Viewer): boolean => id === ANONYMOUS

/**
 * Returns the id under which a viewer's rights are found again later; null for the server itself and for clients of a server
 * without sign-in, who may do everything.
 */
export const principalOf = (viewer: Viewer): string | null =>
  viewer === SYSTEM || (isAnonymous(viewer) && viewer.rights === EVERYTHING) ? null : viewer.id

/** Reports whether the viewer may view the stream; also for a name that no stream has. */
export const sees = ({ rights }: Viewer, stream: StreamName): boolean => rights.may('view', stream)

/**
 * Throws unless the viewer may use the stream so. A stream that it does not see is missing for it: NotFoundError, with the
 * message of a missing stream. Otherwise ForbiddenError; UnauthenticatedError without a credential.
 */
export function requireRight(viewer: Viewer, right: Right, stream: StreamName): void {
  const { rights } = viewer
  if (rights.may(right, stream)) return
  if (!isAnonymous(viewer) && right !== 'create' && !sees(viewer, stream)) {
    throw new HiddenStreamError(missingStream(stream).message)
  }
  throw refusal(viewer, right, `in ${stream.namespace}/${stream.name}`)
}

/** Throws ForbiddenError or UnauthenticatedError unless the viewer may use the whole namespace so. */
export function requireInNamespace(viewer: Viewer, right: Right, namespace: string): void {
  if (!viewer.rights.mayInNamespace(right, namespace))
    throw refusal(viewer, right, `in namespace ${namespace}`)
}

/** Throws ForbiddenError or UnauthenticatedError unless the viewer may use anything so, in whatever namespace. */
export function requireSomewhere(viewer: Viewer, right: Right): void {
  if (viewer.rights.namespacesWith(right, 'PART')?.length === 0)
    throw refusal(viewer, right, 'in every namespace')
}

/** Throws ForbiddenError or UnauthenticatedError unless the viewer is a server admin. */
export function requireServerAdmin(viewer: Viewer): void {
  if (viewer.rights.isServerAdmin) return
  if (isAnonymous(viewer)) throw new UnauthenticatedError()
  throw new ForbiddenError('this affects every namespace: only a server admin may do it')
}

/** Throws ForbiddenError or UnauthenticatedError unless the viewer is a person who has signed in. */
export function requirePerson(viewer: Viewer): void {
  if (viewer.id.startsWith('user:')) return
  if (isAnonymous(viewer)) throw new UnauthenticatedError()
  throw new ForbiddenError(
    'only a person who has signed in may do this: sign in, instead of sending an access token',
  )
}

/** Returns the error of a stream that does not exist, or that the viewer does not see. */
export const missingStream = ({ namespace, name }: StreamName): NotFoundError =>
  new NotFoundError(`there is no image stream ${namespace}/${name}`)

function refusal(viewer: Viewer, right: Right, where: string): ForbiddenError | UnauthenticatedError {
  if (isAnonymous(viewer)) return new UnauthenticatedError()
  const roles = rolesWith(right).join(', ')
  return new ForbiddenError(
    `the right "${right}" is missing ${where}: an admin of the namespace can grant one of the roles ${roles}`,
  )
}

/**
 * Returns the namespaces whose things a list has: the wanted one, or for null and undefined those in which the viewer has the
 * right; null for every namespace. Throws ForbiddenError or UnauthenticatedError for a wanted namespace without the right.
 */
export function namespacesOf(
  viewer: Viewer,
  right: Right,
  wanted: string | null | undefined,
  extent: Extent = 'WHOLE',
): readonly string[] | null {
  const { rights } = viewer
  if (wanted == null) return rights.isServerAdmin ? null : rights.namespacesWith(right, extent)
  requireRead(viewer, right, wanted, extent)
  return [wanted]
}

/** Throws ForbiddenError or UnauthenticatedError unless `readsIn`. */
export function requireRead(viewer: Viewer, right: Right, namespace: string, extent?: Extent): void {
  if (!readsIn(viewer, right, namespace, extent)) throw refusal(viewer, right, `in namespace ${namespace}`)
}

/**
 * Reports whether the viewer reads what needs the right in a namespace. A server admin reads everything, also by a token, which
 * never has the right `grant`.
 */
export const readsIn = (
  { rights }: Viewer,
  right: Right,
  namespace: string,
  extent: Extent = 'WHOLE',
): boolean => rights.isServerAdmin || mayIn(rights, right, namespace, extent)
