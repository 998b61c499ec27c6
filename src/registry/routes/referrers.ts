import { OCI_INDEX } from '../../oci/media-types.ts'
import { respond } from '../../request-body/respond.ts'
import { createReferrerRows, type ReferrerRow } from '../content/referrer-rows.ts'
import type { Handler } from '../protocol/exchange.ts'
import { nextPage, parsePage } from '../protocol/page-link.ts'
import { requireDigest } from '../protocol/reference.ts'
import type { RouteDependencies } from './dependencies.ts'

/** Maximum bytes of a response: it is an index, and clients reject larger ones. */
const MAX_RESPONSE = 4 * 1024 * 1024
/** Maximum bytes of a descriptor without its annotations. */
const DESCRIPTOR = 1024

/**
 * Lists the referrers of a manifest: signatures, SBOMs. The response is an index. It is empty when there are no
 * referrers, also for an unknown manifest or repository. Source: OCI distribution-spec, listing referrers.
 */
export function createReferrerList({ db, content, limits }: RouteDependencies): Handler {
  const rows = createReferrerRows(db, content)

  const descriptorOf = (referrer: ReferrerRow): string => {
    const { artifactType, mediaType, digest, size } = referrer
    const annotations = rows.annotationsOf(referrer)
    const plain = { mediaType, digest, size, ...(artifactType !== null && { artifactType }) }
    const whole = JSON.stringify({ ...plain, ...(annotations && { annotations }) })
    // annotations that would fill the response alone are left out
    return Buffer.byteLength(whole) < MAX_RESPONSE - DESCRIPTOR ? whole : JSON.stringify(plain)
  }

  return ({ query, base, repository: name, reference, response }) => {
    const subject = requireDigest(reference)
    const artifactType = query.get('artifactType') || null
    const { limit, last } = parsePage(query, limits.referrerPageSize)
    const repository = limit === 0 ? undefined : content.repository(name)
    const found = repository
      ? rows.page(repository.id, subject, { artifactType, last, limit: limit + 1 })
      : []
    const listed = fitting(found.slice(0, limit))
    const next = { query, last: listed.at(-1)?.digest ?? '', keep: ['n', 'artifactType'] }
    const headers = {
      'Content-Type': OCI_INDEX,
      ...(artifactType !== null && { 'OCI-Filters-Applied': 'artifactType' }),
      ...(listed.length < found.length && nextPage(`${base}/referrers/${subject}`, next)),
    }
    const manifests = listed.map(descriptorOf).join(',')
    const body = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${manifests}]}`
    respond(response, 200, headers, body)
  }
}

/** Returns the first referrers that fit into a response, at least one: a descriptor is never larger than its manifest. */
function fitting(referrers: readonly ReferrerRow[]): readonly ReferrerRow[] {
  let bytes = DESCRIPTOR
  const end = referrers.findIndex(({ size }) => {
    bytes += size + DESCRIPTOR
    return bytes > MAX_RESPONSE
  })
  return end < 0 ? referrers : referrers.slice(0, Math.max(end, 1))
}
