import type { Rights } from '../../access/right/rights.ts'
import type { Right } from '../../access/right/role.ts'
import type { TokenAccess } from '../../access/signed-token/signed-tokens.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'

/** Rights in a repository that a scope can name. Source: Docker token specification, scopes. */
export const REPOSITORY_ACTIONS = ['pull', 'push', 'delete'] as const satisfies readonly Right[]
export type RepositoryAction = (typeof REPOSITORY_ACTIONS)[number]

/** Scope of the list of repositories. */
export const CATALOG: TokenAccess = { type: 'registry', name: 'catalog', actions: ['*'] }

/** Scopes of one request that are looked at; a mount names two. */
const MAX_SCOPES = 100

/** Parses `repository:team/app:pull,push`. Undefined for other text. */
function parseScope(text: string): TokenAccess | undefined {
  const first = text.indexOf(':')
  const last = text.lastIndexOf(':')
  if (first < 1 || last <= first + 1) return undefined
  // a class after the type, `repository(plugin)`, makes no difference
  const type = text.slice(0, first).replace(/\([a-z0-9]+\)$/, '')
  const actions = text.slice(last + 1).split(',')
  return { type, name: text.slice(first + 1, last), actions: actions.filter((action) => action !== '') }
}

/** Parses the values of `scope` parameters, each with scopes between spaces. Leaves out what is no scope. */
export const parseScopes = (values: readonly string[]): TokenAccess[] =>
  values
    .flatMap((value) => value.split(' '))
    .slice(0, MAX_SCOPES)
    .flatMap((text) => parseScope(text) ?? [])

/** Returns the scope as text. */
export const formatScope = ({ type, name, actions }: TokenAccess): string =>
  `${type}:${name}:${actions.join(',')}`

/** Returns the part of the wanted access that the rights allow. */
export const allowedAccess = (rights: Rights, wanted: readonly TokenAccess[]): TokenAccess[] =>
  wanted.flatMap((one) => {
    const actions = allowedActions(rights, one)
    return actions.length > 0 ? [{ ...one, actions }] : []
  })

function allowedActions(rights: Rights, { type, name, actions }: TokenAccess): readonly string[] {
  if (type === CATALOG.type && name === CATALOG.name) return CATALOG.actions
  const repository = type === 'repository' ? repositoryNameOf(name) : undefined
  if (!repository) return []
  const isWanted = (action: RepositoryAction): boolean => actions.includes(action) || actions.includes('*')
  return REPOSITORY_ACTIONS.filter((action) => isWanted(action) && rights.may(action, repository))
}

/** Reports whether the access includes an action on the repository. */
export const includesAction = (
  access: readonly TokenAccess[],
  action: RepositoryAction,
  stream: StreamName,
): boolean =>
  access.some((one) => {
    if (one.type !== 'repository' || !one.actions.includes(action)) return false
    const repository = repositoryNameOf(one.name)
    return repository !== undefined && isSame(repository, stream)
  })

/**
 * Returns the rights, without those to use other repositories than the request's, whose action is checked, and those that the
 * access includes. In its repository a protection of tags compares all rights of the principal with those of a role.
 */
export const limitedTo = (rights: Rights, access: readonly TokenAccess[], own: StreamName): Rights => ({
  ...rights,
  may: (right, stream) =>
    rights.may(right, stream) &&
    (!isRepositoryAction(right) || isSame(stream, own) || includesAction(access, right, stream)),
})

const isSame = (a: StreamName, b: StreamName): boolean => a.namespace === b.namespace && a.name === b.name

const isRepositoryAction = (right: Right): right is RepositoryAction =>
  REPOSITORY_ACTIONS.some((action) => action === right)
