/** What is compared: semantic versions, numbers, text byte by byte, or when the images were created. */
export type PolicyOrder = 'SEMVER' | 'NUMERICAL' | 'ALPHABETICAL' | 'NEWEST'

export const POLICY_ORDERS: readonly PolicyOrder[] = ['SEMVER', 'NUMERICAL', 'ALPHABETICAL', 'NEWEST']

/** Which tags count, and what of their names is compared. The words are Flux's. */
export interface TagFilter {
  /** A regular expression in RE2's syntax, found anywhere in the name unless it is anchored. */
  readonly pattern: string
  /** What is compared, `$1.$2` or `${name}`; null = the first group, or the whole name of a pattern without groups. */
  readonly extract: string | null
}

/** A rule over tags: which of them is chosen. Checked, and in its canonical form. */
export interface TagPolicy {
  readonly order: PolicyOrder
  /** Of SEMVER only, in node-semver's syntax; null = any version. */
  readonly range: string | null
  /** Of SEMVER only: whether pre-releases count where the range does not name one itself. */
  readonly includePrereleases: boolean
  /** Whether the lowest, or the oldest, is chosen instead of the highest, or the newest. */
  readonly lowest: boolean
  readonly filter: TagFilter | null
}

/** A policy as it is asked for: what is missing or null has its default. */
export interface TagPolicyInput {
  readonly order: PolicyOrder
  readonly range?: string | null | undefined
  readonly includePrereleases?: boolean | null | undefined
  readonly lowest?: boolean | null | undefined
  readonly filter?:
    | { readonly pattern: string; readonly extract?: string | null | undefined }
    | null
    | undefined
}

/** Canonical JSON text, without what has its default: the same policy is the same text. */
export const writePolicy = ({ order, range, includePrereleases, lowest, filter }: TagPolicy): string =>
  JSON.stringify({
    order,
    ...(range !== null && { range }),
    ...(includePrereleases && { includePrereleases }),
    ...(lowest && { lowest }),
    ...(filter && {
      filter: { pattern: filter.pattern, ...(filter.extract !== null && { extract: filter.extract }) },
    }),
  })

/** The policy of a text that `writePolicy` wrote; it is not checked again. */
export function readPolicy(text: string): TagPolicy {
  const stored: TagPolicyInput = JSON.parse(text)
  return {
    order: stored.order,
    range: stored.range ?? null,
    includePrereleases: stored.includePrereleases ?? false,
    lowest: stored.lowest ?? false,
    filter: stored.filter ? { pattern: stored.filter.pattern, extract: stored.filter.extract ?? null } : null,
  }
}
