import type { ImportFailureReason } from '../../imagestream/tag/tag-change.ts'
import { InvalidInputError } from '../../input/errors.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { Digest } from '../../oci/digest.ts'
import { isPlatformName } from '../../oci/platforms.ts'
import { InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import { builder } from './builder.ts'
import { checkGlob } from './glob.ts'

// What the arguments have in common by which streams and tags are found.

const ImportFailureReasonEnum = builder.enumType('ImportFailureReason', {
  description: 'Why a tag cannot be imported: the `reason` of its condition `ImportSuccess`.',
  values: {
    NotFound: { description: 'The registry does not have it, or nothing that a policy can choose.' },
    Unauthorized: { description: 'The registry wants credentials, or others than it got.' },
    Forbidden: { description: 'The registry knows who asks, and says no.' },
    ForbiddenTarget: { description: 'The registry’s address is one that this server must not speak to.' },
    Blocked: { description: 'A configuration says that nothing is to be imported from there.' },
    InvalidManifest: { description: 'What the registry sent is no image, or not what its digest promises.' },
    RegistryUnavailable: {
      description: 'The registry could not be reached, or did not answer as it should.',
    },
    TooManyRequests: { description: 'The registry wants to be asked less often.' },
    TooManyTags: {
      description: 'A policy for the newest would have to look at the images of more tags than it may.',
    },
    InternalError: { description: 'This server failed.' },
  } as const,
})

/** Whether something cannot be imported, and why. */
export const ImportFailureFilter = builder.inputType('ImportFailureFilter', {
  description: 'Which failures to import to look for: those of any reason when none is given.',
  fields: (t) => ({
    reason: t.field({ type: ImportFailureReasonEnum, description: 'Only failures for this reason.' }),
  }),
})

/** The arguments, as a resolver gets them. */
export interface SearchArguments {
  readonly matching?: string | null | undefined
  readonly digest?: Digest | null | undefined
  readonly registry?: string | null | undefined
  readonly failing?: { readonly reason?: ImportFailureReason | null | undefined } | null | undefined
  readonly platform?: string | null | undefined
  readonly unchangedSince?: number | null | undefined
  readonly labels?: readonly KeyValue[] | null | undefined
}

/** What they ask for. Throws InvalidInputError. */
export const searchFilter = (args: SearchArguments) => ({
  matching: checkGlob(args.matching, 'matching'),
  digest: args.digest ?? undefined,
  registry: checkRegistry(args.registry),
  failing: args.failing ? { reason: args.failing.reason ?? undefined } : undefined,
  platform: checkPlatform(args.platform),
  unchangedSince: args.unchangedSince ?? undefined,
  labels: checkLabels(args.labels),
})

/** Labels that one query may ask for: each is looked for by itself. */
const MAX_LABELS = 20

/** How many things are looked for that do not follow from a name. */
export const countCriteria = (args: SearchArguments): number => {
  const { digest, registry, failing, platform, unchangedSince, labels } = args
  const given = [digest, registry, failing, platform, unchangedSince].filter((one) => one != null)
  // more labels are refused, in words of their own
  return given.length + Math.min(labels?.length ?? 0, MAX_LABELS)
}

function checkLabels(labels: readonly KeyValue[] | null | undefined): readonly KeyValue[] | undefined {
  if (labels && labels.length > MAX_LABELS) {
    throw new InvalidInputError(
      'labels',
      `${labels.length} labels are asked for; at most ${MAX_LABELS} can be`,
    )
  }
  return labels ?? undefined
}

/** Anything: how the host of a reference is told from the rest depends on what follows. */
const REPOSITORY = 'team/app'

/** The host as references are stored with it: `docker.io` also for its other names. */
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
    `"${registry.slice(0, 100)}" is no registry: a host name or address with an optional port, as "docker.io", "localhost" or "registry.example.org:5000"`,
  )
}

function checkPlatform(platform: string | null | undefined): string | undefined {
  if (platform == null || isPlatformName(platform)) return platform ?? undefined
  throw new InvalidInputError(
    'platform',
    `"${platform.slice(0, 100)}" is no platform: "os/architecture" or "os/architecture/variant", as "linux/amd64" or "linux/arm/v7"`,
  )
}
