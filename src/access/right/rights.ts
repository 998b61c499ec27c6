import type { Scope } from '../../db/visible-places.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { type Right, ROLES, type Role } from './role.ts'

/** Stands for every namespace, and as a pattern for every stream of one. */
export const ANY = '*'

/** A role in the streams of a namespace whose names match a pattern. */
export interface RoleGrant {
  readonly role: Role
  /** Name of the namespace, or `*` for all of them. */
  readonly namespace: string
  /** Pattern over the names of streams; `*` stands for any characters. */
  readonly streams: string
}

/**
 * What a viewer may do. Decisions depend on names alone, never on whether an object exists: a refusal then reveals nothing
 * about the content.
 */
export interface Rights {
  /** Equal keys stand for equal rights, whose holders may share one execution of an operation. */
  readonly key: string
  /** May do what affects every namespace: registries, default access, pruning, collection, the audit of all namespaces. */
  readonly isServerAdmin: boolean
  /**
   * The visible places, which statements that read streams get as bound parameters. A stream is visible if it is in each of
   * the scopes. Empty when every stream is visible.
   */
  readonly scopes: readonly Scope[]
  /** Reports whether the stream may be used so; also for a name that no stream has. */
  may(right: Right, stream: StreamName): boolean
  /** Reports whether every stream of the namespace, and the namespace itself, may be used so. */
  mayInNamespace(right: Right, namespace: string): boolean
  /** Reports whether any name of the namespace may be used so. */
  mayInPartOf(right: Right, namespace: string): boolean
  /** Returns the namespaces in which `mayInNamespace`, or `mayInPartOf`, is true; null for all namespaces. */
  namespacesWith(right: Right, extent: Extent): readonly string[] | null
}

/** How much of a namespace a right is needed in: in all of its streams, or in some. */
export type Extent = 'WHOLE' | 'PART'

/** Reports whether the namespace may be used so, to the given extent. */
export const mayIn = (
  rights: Pick<Rights, 'mayInNamespace' | 'mayInPartOf'>,
  right: Right,
  namespace: string,
  extent: Extent,
): boolean =>
  extent === 'WHOLE' ? rights.mayInNamespace(right, namespace) : rights.mayInPartOf(right, namespace)

/** The rights of the server itself, of its admins, and of every client of a server without sign-in. */
export const EVERYTHING: Rights = {
  key: 'everything',
  isServerAdmin: true,
  scopes: [],
  may: () => true,
  mayInNamespace: () => true,
  mayInPartOf: () => true,
  namespacesWith: () => null,
}

/** The rights that several sets all include: those of a token, and those of its creator. */
export function intersection(all: readonly Rights[]): Rights {
  const limiting = all.filter((rights) => rights !== EVERYTHING)
  if (limiting.length < 2) return limiting[0] ?? EVERYTHING
  return {
    key: [...new Set(limiting.map(({ key }) => key))].sort().join('&'),
    isServerAdmin: limiting.every(({ isServerAdmin }) => isServerAdmin),
    scopes: [...new Set(limiting.flatMap(({ scopes }) => scopes))],
    may: (right, stream) => limiting.every((rights) => rights.may(right, stream)),
    mayInNamespace: (right, namespace) => limiting.every((rights) => rights.mayInNamespace(right, namespace)),
    mayInPartOf: (right, namespace) => limiting.every((rights) => rights.mayInPartOf(right, namespace)),
    namespacesWith: (right, extent) =>
      limiting
        .map((rights) => rights.namespacesWith(right, extent))
        .find((namespaces) => namespaces !== null)
        ?.filter((namespace) => limiting.every((rights) => mayIn(rights, right, namespace, extent))) ?? null,
  }
}

type Granted = Pick<RoleGrant, 'role' | 'streams'>

/** Returns the decisions of grants. They take the grants of one namespace and of all namespaces, not the others. */
export function decisionsOf(
  grants: readonly RoleGrant[],
): Pick<Rights, 'may' | 'mayInNamespace' | 'mayInPartOf' | 'namespacesWith'> {
  const byNamespace = new Map<string, Granted[]>()
  for (const { namespace, ...granted } of grants) {
    const known = byNamespace.get(namespace)
    if (known) known.push(granted)
    else byNamespace.set(namespace, [granted])
  }
  const some = (right: Right, namespace: string, covers: (streams: string) => boolean): boolean =>
    [namespace, ANY].some((at) =>
      byNamespace.get(at)?.some(({ role, streams }) => includes(role, right) && covers(streams)),
    )
  return {
    may: (right, { namespace, name }) => some(right, namespace, (streams) => matchesGlob(streams, name)),
    mayInNamespace: (right, namespace) => some(right, namespace, (streams) => streams === ANY),
    mayInPartOf: (right, namespace) => some(right, namespace, () => true),
    namespacesWith(right, extent) {
      const covers = (streams: string): boolean => extent === 'PART' || streams === ANY
      if (some(right, ANY, covers)) return null
      return [...byNamespace.keys()].filter((namespace) => some(right, namespace, covers))
    },
  }
}

const includes = (role: Role, right: Right): boolean => ROLES[role].rights.some((one) => one === right)
