import type { ImportFailureReason } from '../../imagestream/tag/tag-change.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkGlob } from '../../input/glob.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { Digest } from '../../oci/digest.ts'
import { isPlatformName } from '../../oci/platforms.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import { inputType } from './inputs.ts'
import { enumType } from './types.ts'

const ImportFailureReasonEnum = enumType('ImportFailureReason', {
  description:
    'Reason why an import of a tag or of a whole repository failed: the `reason` of the condition `ImportSuccess` of the tag or the image stream.',
  values: {
    NotFound:
      'The registry does not have the repository, tag or image, or has no tag that the tag’s policy can choose.',
    Unauthorized:
      'The registry requires credentials, or rejected the configured credentials (HTTP 401); `setRegistryCredential` sets them.',
    Forbidden: 'The registry accepted the credentials but denies access to the repository (HTTP 403).',
    ForbiddenTarget:
      'The registry’s network address is one that this server must not connect to; the setting `--private-networks` permits private networks.',
    Blocked:
      'A registry configuration, or the default access, blocks imports from the registry; `configureRegistry` changes that.',
    InvalidManifest:
      'The registry’s response is not a valid image manifest, or does not match the requested digest.',
    RegistryUnavailable: 'The registry cannot be reached, or its response is an error or not valid.',
    TooManyRequests: 'The registry limits the request rate (HTTP 429).',
    TooManyTags: 'A policy with order `NEWEST` would have to read the images of more tags than are allowed.',
    InternalError: 'An internal error of this server; the server’s log has the details.',
  },
})

/** Filter by import failure. */
export const ImportFailureFilter = inputType('ImportFailureFilter', {
  description: 'Filter for failed imports. An empty object matches failures with any reason.',
  fields: (t) => ({
    reason: t.one(
      ImportFailureReasonEnum,
      'Matches only failures with this reason. If omitted or null, any reason matches.',
    ),
  }),
})

/** Filter arguments that searches of streams and of tags share, as a resolver gets them. */
export interface SearchArguments {
  readonly matching?: string | null | undefined
  readonly digest?: Digest | null | undefined
  readonly registry?: string | null | undefined
  readonly failing?: { readonly reason?: ImportFailureReason | null | undefined } | null | undefined
  readonly platform?: string | null | undefined
  readonly unchangedSince?: number | null | undefined
  readonly labels?: readonly KeyValue[] | null | undefined
}

/** Returns the filter that the arguments describe. Throws InvalidInputError. */
export const searchFilter = (args: SearchArguments) => ({
  matching: checkGlob(args.matching, 'matching'),
  digest: args.digest ?? undefined,
  registry: checkRegistry(args.registry),
  failing: args.failing ? { reason: args.failing.reason ?? undefined } : undefined,
  platform: checkPlatform(args.platform),
  unchangedSince: args.unchangedSince ?? undefined,
  labels: checkLabels(args.labels),
})

/** Labels in one filter: each costs a lookup. */
const MAX_LABELS = 20

/** Returns the number of criteria that an index by name cannot evaluate. */
export const countCriteria = (args: SearchArguments): number => {
  const { digest, registry, failing, platform, unchangedSince, labels } = args
  const given = [digest, registry, failing, platform, unchangedSince].filter((one) => one != null)
  // `checkLabels` rejects more labels with an error of its own
  return given.length + Math.min(labels?.length ?? 0, MAX_LABELS)
}

function checkLabels(labels: readonly KeyValue[] | null | undefined): readonly KeyValue[] | undefined {
  if (labels && labels.length > MAX_LABELS) {
    throw new InvalidInputError(
      'labels',
      `the filter has ${labels.length} labels; at most ${MAX_LABELS} are allowed`,
    )
  }
  return labels ?? undefined
}

/** Completes a host to a reference: the parser recognizes a host by the text that follows it. */
const REPOSITORY = 'team/app'

/** Returns the host as references are stored: `docker.io` for all its aliases. */
function checkRegistry(registry: string | null | undefined): string | undefined {
  if (registry == null) return undefined
  try {
    const reference = parseReference(`${registry}/${REPOSITORY}`)
    if (!registry.includes('/') && reference.repository === REPOSITORY) return reference.registry
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error
  }
  throw new InvalidInputError(
    'registry',
    `"${registry.slice(0, 100)}" is not a registry: a host name or address with an optional port, for example "docker.io", "localhost" or "registry.example.org:5000"`,
  )
}

function checkPlatform(platform: string | null | undefined): string | undefined {
  if (platform == null || isPlatformName(platform)) return platform ?? undefined
  throw new InvalidInputError(
    'platform',
    `"${platform.slice(0, 100)}" is not a platform: "os/architecture" or "os/architecture/variant", for example "linux/amd64" or "linux/arm/v7"`,
  )
}
