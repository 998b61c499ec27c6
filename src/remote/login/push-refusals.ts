import type { EgressResponse } from '../../egress/exchange.ts'
import type { RegistryErrorReason } from '../../oci/registry-error.ts'

/** How registries refuse what is pushed. */
interface PushRefusal {
  readonly reason: RegistryErrorReason
  readonly statuses: readonly number[]
  /** The body contains it; any body without it. */
  readonly body?: RegExp
}

/** Bytes of a body that are searched. */
const MAX_SEARCHED = 64 * 1024

/**
 * The refusals of registries, the first that applies counts. Source: OCI distribution-spec, error codes; the messages of Harbor
 * (412, "configured as immutable"), Amazon ECR (400 TAG_INVALID, "cannot be overwritten because the repository is immutable"),
 * Artifact Registry (400 MANIFEST_INVALID, "has enabled tag immutability"), Nexus (400 BLOB_UPLOAD_INVALID, "does not allow
 * updating assets"), Azure (405, "operation is disallowed" for a locked image), Mirantis; quotas of Harbor ("will exceed the
 * configured upper limit") and Quay ("quota has been exceeded").
 */
const REFUSALS: readonly PushRefusal[] = [
  {
    reason: 'Immutable',
    statuses: [400, 401, 403, 405, 409, 412],
    body: /immutab|cannot be overwritten|does not allow updating assets|operation is disallowed/i,
  },
  { reason: 'Immutable', statuses: [412] },
  { reason: 'TooLarge', statuses: [413, 507] },
  {
    reason: 'TooLarge',
    statuses: [400, 403, 412],
    body: /SIZE_INVALID|exceed the configured upper limit|quota (?:has been )?exceeded|storage (?:limit|quota)/i,
  },
  // Google's registries name the missing blobs in MANIFEST_INVALID
  {
    reason: 'MissingContent',
    statuses: [400, 404],
    body: /"MANIFEST_BLOB_UNKNOWN"|"MANIFEST_UNKNOWN"|"BLOB_UNKNOWN"/,
  },
  // a registry that only passes images on, such as a pull-through cache
  { reason: 'Forbidden', statuses: [405] },
  { reason: 'Forbidden', statuses: [400], body: /"NAME_INVALID"/ },
  { reason: 'InvalidManifest', statuses: [400, 409, 415, 422] },
]

/** Returns why a registry refuses what is pushed; undefined where the status alone says it, as it does for reads. */
export function pushRefusalOf({ status, body }: EgressResponse): RegistryErrorReason | undefined {
  const text = Buffer.from(body.subarray(0, MAX_SEARCHED)).toString()
  return REFUSALS.find((one) => one.statuses.includes(status) && (one.body?.test(text) ?? true))?.reason
}
