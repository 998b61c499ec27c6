import { isRepositoryName } from '../../oci/reference.ts'
import type { Session } from '../session/session.ts'
import { type ListingOptions, listNames } from './listing.ts'

/** What stands where a question about one repository names it. */
export const CATALOG = '_catalog'
/** What a token must allow. Source: distribution, token scope documentation. */
export const CATALOG_SCOPE = 'registry:catalog:*'

/**
 * The repositories of a registry that shows them, page by page, each once; with the same care as a listing of tags.
 * Throws RegistryError, NotFound where the registry has no catalog. Source: distribution, HTTP API, catalog.
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
