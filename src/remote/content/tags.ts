import { isReferrersTag, isTagName, type TagName } from '../../oci/tag.ts'
import type { Session } from '../session/session.ts'
import { type ListedPage, type ListingOptions, listNames } from './listing.ts'

/**
 * Returns the tags of a repository page by page, as `listNames` does. Tags that only hold a list of referrers are omitted.
 * Source: OCI distribution-spec, listing tags; the tests list the deviations of docker-registry and others.
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
