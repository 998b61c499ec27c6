import type { Database } from '../../db/open.ts'
import { parseDigest } from '../../oci/digest.ts'
import { OCI_INDEX } from '../../oci/media-types.ts'
import type { Content } from '../content/content.ts'
import { createReferrerRows, type Referrer } from '../content/referrer-rows.ts'
import { OciError } from '../protocol/errors.ts'
import { answer, type Handler } from '../protocol/exchange.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { nextPage, parsePage } from '../protocol/page-link.ts'

export interface ReferrersDependencies {
  readonly db: Database
  readonly content: Content
  readonly limits: Pick<RegistryLimits, 'referrerPageSize'>
}

export interface Referrers {
  readonly list: Handler<[digest: string]>
}

/** Bytes that an answer stays below: it is an index, and no client takes a larger one. */
const MAXIMUM_ANSWER = 4 * 1024 * 1024
/** Bytes that a descriptor has beside its annotations, at the most. */
const DESCRIPTOR = 1024

/**
 * What a repository has that is about a manifest: signatures, SBOMs. An index of them, empty where there is none, whether
 * or not the manifest or even the repository is here. Source: OCI distribution-spec, listing referrers.
 */
export function createReferrers({ db, content, limits }: ReferrersDependencies): Referrers {
  const rows = createReferrerRows(db, content)

  const descriptorOf = (referrer: Referrer): string => {
    const { artifactType, mediaType, digest, size } = referrer
    const annotations = rows.annotationsOf(referrer)
    const plain = { mediaType, digest, size, ...(artifactType !== null && { artifactType }) }
    const whole = JSON.stringify({ ...plain, ...(annotations && { annotations }) })
    // annotations that fill a whole manifest are not worth the list
    return Buffer.byteLength(whole) < MAXIMUM_ANSWER - DESCRIPTOR ? whole : JSON.stringify(plain)
  }

  return {
    list(exchange, text) {
      const subject = parseDigest(text)
      if (!subject)
        throw new OciError('DIGEST_INVALID', 'referrers are asked for by the digest of their subject')
      const { query, base } = exchange
      const artifactType = query.get('artifactType') || undefined
      const { limit, last } = parsePage(query, limits.referrerPageSize)
      const repositoryId = content.repository(exchange.repository)?.id ?? null
      const found =
        limit === 0
          ? []
          : rows.page(repositoryId, subject, { artifactType: artifactType ?? null, last, limit: limit + 1 })
      const shown = fitting(found.slice(0, limit))
      const hasMore = shown.length < found.length
      answer(
        exchange,
        200,
        {
          'Content-Type': OCI_INDEX,
          ...(artifactType !== undefined && { 'OCI-Filters-Applied': 'artifactType' }),
          ...(hasMore &&
            nextPage(`${base}/referrers/${subject}`, {
              query,
              last: shown.at(-1)?.digest ?? '',
              keep: ['n', 'artifactType'],
            })),
        },
        `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${shown.map(descriptorOf).join(',')}]}`,
      )
    },
  }
}

/** The first ones, as many as one answer takes, at least one: no descriptor says more than its manifest does. */
function fitting(referrers: readonly Referrer[]): readonly Referrer[] {
  let bytes = DESCRIPTOR
  const end = referrers.findIndex(({ size }) => {
    bytes += size + DESCRIPTOR
    return bytes > MAXIMUM_ANSWER
  })
  return end < 0 ? referrers : referrers.slice(0, Math.max(end, 1))
}
