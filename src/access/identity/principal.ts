import { requirePerson, type Viewer } from '../right/viewer.ts'

/** Kinds of principals with rows of their own. */
const KINDS = ['user', 'token', 'rule'] as const
type PrincipalKind = (typeof KINDS)[number]

/** Returns the id of a principal, as viewers have it: `user:12`. */
export const principalId = (kind: PrincipalKind, id: number): string => `${kind}:${id}`

/** Returns the kind and the number in the id of a principal; undefined for `anonymous`, `system` and other text. */
export function parsePrincipal(
  principal: string,
): { readonly kind: PrincipalKind; readonly id: number } | undefined {
  const [, name, digits] = /^([a-z]+):(\d{1,15})$/.exec(principal) ?? []
  const kind = KINDS.find((one) => one === name)
  return kind && { kind, id: Number(digits) }
}

const NAMESPACE = 'namespace:'

/** Returns the id of a namespace as a principal: what its own objects do, such as its triggers, they do as the namespace. */
export const namespacePrincipal = (namespace: string): string => NAMESPACE + namespace

/** Returns the namespace in the id of a principal; undefined for other principals. */
export const namespaceOfPrincipal = (principal: string): string | undefined =>
  principal.startsWith(NAMESPACE) ? principal.slice(NAMESPACE.length) : undefined

/** Returns the number of the person who is the viewer. Throws ForbiddenError or UnauthenticatedError for other viewers. */
export function requireUserId(viewer: Viewer): number {
  requirePerson(viewer)
  return parsePrincipal(viewer.id)?.id ?? Number.NaN
}
