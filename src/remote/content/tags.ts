import { isReferrersTag, isTagName, type TagName } from '../../oci/tag.ts'
import type { Session } from '../session/session.ts'
import { type ListedPage, type ListingOptions, listNames } from './listing.ts'

/**
 * The tags of a repository, page by page, each once. Names that break the grammar are left out and counted, tags that
 * only carry referrers are left out. Ends normally only when the registry has no more to tell, or (with a warning, and
 * `isPartial`) leads back to where it began; throws RegistryError when the listing is longer than the limits allow, after
 * what came before.
 * Source: OCI distribution-spec, listing tags; docker-registry and others leave parts of it out, see the tests.
 */
export const listTags = (session: Session, options: ListingOptions): AsyncGenerator<ListedPage<TagName>> =>
  listNames(
    session,
    {
      field: 'tags',
      entry: 'tag',
      path: `/v2/${session.repository}/tags/list`,
      absent: `the repository ${session.repository}`,
      nameOf: (entry) => {
        const name = entry === '' ? 'latest' : entry
        return isTagName(name) ? name : undefined
      },
      isHidden: isReferrersTag,
    },
    options,
  )
