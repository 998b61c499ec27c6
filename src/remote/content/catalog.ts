import { isRepositoryName } from '../../oci/reference.ts'
import type { Session } from '../session/session.ts'
import { type ListingOptions, listNames } from './listing.ts'

/** Stands in place of the repository in messages. */
export const CATALOG = '_catalog'
/** Scope of a token for the catalog. Source: distribution, token scope documentation. */
export const CATALOG_SCOPE = 'registry:catalog:*'

/**
 * Returns the repositories of a registry page by page, each name once, with the checks of `listNames`. Throws RegistryError;
 * NotFound when the registry has no catalog. Source: distribution, HTTP API, catalog.
 */
export async function* listRepositories(
  session: Session,
  options: ListingOptions,
): AsyncGenerator<readonly string[]> {
  const pages = listNames(
    session,
    {
      field: 'repositories',
      entry: 'repository',
      path: `/v2/${CATALOG}`,
      absent: 'a list of repositories',
      nameOf: (entry) => (typeof entry === 'string' && isRepositoryName(entry) ? entry : undefined),
    },
    options,
  )
  for await (const { names } of pages) if (names.length > 0) yield names
}
