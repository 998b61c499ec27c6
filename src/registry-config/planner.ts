import { formatPrefix, type RegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import type { RepositoryLocation, RepositoryPlan } from '../remote/location/registry-rules.ts'
import type { AccessRules } from './access-rules.ts'
import type { ConfigurationTree } from './configuration-tree.ts'
import { moved } from './prefix.ts'

/** Returns the locations from which a repository is read; those of the registry itself for an empty one. */
export function planOf(
  { tree, access }: { readonly tree: ConfigurationTree; readonly access: AccessRules },
  registry: string,
  repository: string,
): RepositoryPlan {
  const blockedBy = access.blockOf(registry, repository)
  if (blockedBy !== null) return { blockedBy }
  const configured = tree.find(registry, repository)?.locations
  const at = (location: string): RegistryPrefix => {
    const to = splitPrefix(location)
    return { registry: to.registry, path: moved(repository, configured?.path ?? '', to.path) }
  }
  const origin = locationAt(
    tree,
    configured?.location ? at(configured.location) : { registry, path: repository },
    { named: registry, isMirror: false, insecure: configured?.insecure ?? false, serves: 'ALL' },
  )
  const readFrom = formatPrefix({ registry: origin.registry, path: origin.repository })
  if (origin.repository === '' && repository !== '') {
    return { blockedBy: `it would be read from ${readFrom}, without a repository name` }
  }
  const originBlock = access.explicitBlockOf(origin.registry, origin.repository)
  if (originBlock !== null) return { blockedBy: `it would be read from ${readFrom}, and ${originBlock}` }
  const mirrors = (configured?.mirrors ?? [])
    .map(({ location, insecure, serves }) =>
      locationAt(tree, at(location), { named: registry, isMirror: true, insecure, serves }),
    )
    .filter(
      (mirror) =>
        (mirror.repository !== '' || repository === '') &&
        access.explicitBlockOf(mirror.registry, mirror.repository) === null,
    )
  return { locations: [...mirrors, origin] }
}

/** Returns a location with the connection settings of its own name, not of the name that led to it. */
export function locationAt(
  tree: ConfigurationTree,
  { registry, path }: RegistryPrefix,
  {
    named,
    insecure,
    ...use
  }: Pick<RepositoryLocation, 'isMirror' | 'serves' | 'insecure'> & { readonly named: string },
): RepositoryLocation {
  const found = tree.find(registry, path)
  return {
    ...use,
    registry,
    repository: path,
    isNamed: tree.canonical(registry) === tree.canonical(named),
    insecure: insecure || found?.locations?.insecure === true,
    route: found?.route,
    problem: found?.broken ?? null,
  }
}
