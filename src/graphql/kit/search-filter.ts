import { InvalidInputError, quoted } from '../../input/errors.ts'
import { checkGlob, MAX_GLOB_LENGTH } from '../../input/glob.ts'
import type { KeyValue } from '../../input/key-values.ts'
import { checkNamespace } from '../../input/names.ts'
import type { Digest } from '../../oci/digest.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { isPlatformName } from '../../oci/platforms.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import { builder } from './builder.ts'
import { FailureReasonEnum } from './failure-reason.ts'
import { inputType } from './inputs.ts'

/** Returns the argument `namespace` of a list. `items` are its items as they relate to a namespace: `pushes to image streams`. */
export const namespaceFilterArg = (items: string) =>
  builder.args((t) => ({
    namespace: t.string({
      description: `Returns only ${items} in this namespace. If omitted, those of all namespaces.`,
    }),
  }))

/** Returns the argument `namespace` of a list; null for all namespaces. Throws InvalidInputError. */
export function namespaceIn(namespace: string | null | undefined): string | null {
  if (namespace == null) return null
  checkNamespace(namespace)
  return namespace
}

const describeMatch = (items: string): string =>
  `Returns only ${items} whose name matches this pattern; \`*\` matches any characters, slashes included.`

/** Returns the description of a filter by name within one namespace. */
export const describeGlob = (items: string): string =>
  `${describeMatch(items)} At most ${MAX_GLOB_LENGTH} characters.`

/** Returns the description of a filter that `patternNamed` parses; `items` as above. */
export const describePattern = (items: string, tagPattern = ''): string =>
  `${describeMatch(items)} Without \`namespace\`, the first component of a pattern with a slash is the namespace, or \`*\` for all.${tagPattern} At most ${MAX_GLOB_LENGTH} characters.`

/** Filter by import failure. */
export const ImportFailureFilter = inputType('ImportFailureFilter', {
  description: 'Filter for failed imports. An empty object matches failures with any reason.',
  fields: (t) => ({
    reason: t.one(
      FailureReasonEnum,
      'Matches only failures with this reason. If omitted or null, any reason matches.',
    ),
  }),
})

/** Filter arguments that searches of streams and of tags share, as a resolver gets them. */
export interface SearchArguments {
  readonly matching?: string | null | undefined
  readonly digest?: Digest | null | undefined
  readonly registry?: string | null | undefined
  readonly failing?: { readonly reason?: FailureReason | null | undefined } | null | undefined
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
    `${quoted(registry)} is not a registry: a host name or address with an optional port, for example "docker.io", "localhost" or "registry.example.org:5000"`,
  )
}

function checkPlatform(platform: string | null | undefined): string | undefined {
  if (platform == null || isPlatformName(platform)) return platform ?? undefined
  throw new InvalidInputError(
    'platform',
    `${quoted(platform)} is not a platform: "os/architecture" or "os/architecture/variant", for example "linux/amd64" or "linux/arm/v7"`,
  )
}
