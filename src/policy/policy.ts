/** What is compared: semantic versions, numbers, text byte by byte, or creation times of images. */
export type PolicyOrder = 'SEMVER' | 'NUMERICAL' | 'ALPHABETICAL' | 'NEWEST'

/** All orders. */
export const POLICY_ORDERS: readonly PolicyOrder[] = ['SEMVER', 'NUMERICAL', 'ALPHABETICAL', 'NEWEST']

/** Selects tags and the part of their names to compare. The terms are those of Flux. */
export interface PolicyFilter {
  /** A regular expression in RE2's syntax, which matches anywhere in the name unless it is anchored. */
  readonly pattern: string
  /** The value to compare, `$1.$2` or `${name}`; null for the first group, or the whole name if the pattern has none. */
  readonly extract: string | null
}

/** A policy that chooses one of several tags. Validated, and in its canonical form. */
export interface TagPolicy {
  readonly order: PolicyOrder
  /** For SEMVER only, in node-semver's syntax; null for any version. */
  readonly range: string | null
  /** For SEMVER only: whether pre-releases count even if the range does not contain one. */
  readonly includePrereleases: boolean
  /** Whether the lowest or oldest is chosen instead of the highest or newest. */
  readonly lowest: boolean
  /** True when artifacts, such as charts, can be chosen as well as images. */
  readonly artifacts?: boolean
  readonly filter: PolicyFilter | null
}

/** A policy as input: absent and null fields have their defaults. */
export interface TagPolicyInput {
  readonly order: PolicyOrder
  readonly range?: string | null | undefined
  readonly includePrereleases?: boolean | null | undefined
  readonly lowest?: boolean | null | undefined
  readonly artifacts?: boolean | null | undefined
  readonly filter?:
    | { readonly pattern: string; readonly extract?: string | null | undefined }
    | null
    | undefined
}

/** Returns canonical JSON text without defaults: equal policies have equal texts. */
export const writePolicy = ({
  order,
  range,
  includePrereleases,
  lowest,
  artifacts,
  filter,
}: TagPolicy): string =>
  JSON.stringify({
    order,
    ...(range !== null && { range }),
    ...(includePrereleases && { includePrereleases }),
    ...(lowest && { lowest }),
    ...(artifacts && { artifacts }),
    ...(filter && {
      filter: { pattern: filter.pattern, ...(filter.extract !== null && { extract: filter.extract }) },
    }),
  })

/** Returns the policy with the defaults of absent fields. */
export const withDefaults = ({
  order,
  range,
  includePrereleases,
  lowest,
  artifacts,
  filter,
}: TagPolicyInput): TagPolicy => ({
  order,
  range: range ?? null,
  includePrereleases: includePrereleases ?? false,
  lowest: lowest ?? false,
  ...(artifacts && { artifacts }),
  filter: filter ? { pattern: filter.pattern, extract: filter.extract ?? null } : null,
})

/** Parses the text of `writePolicy`, without validation. */
export const readPolicy = (text: string): TagPolicy => withDefaults(JSON.parse(text))
