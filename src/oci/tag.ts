import { type Digest, parseDigest } from './digest.ts'

/** A tag's name. Source: OCI distribution-spec, pulling manifests. */
export type TagName = string & { readonly __brand: 'TagName' }

/** The tag of a name without one. */
export const DEFAULT_TAG = 'latest' as TagName

/** Grammar of tags as a regular expression, also for messages. */
export const TAG_GRAMMAR = '[A-Za-z0-9_][A-Za-z0-9._-]{0,127}'

const TAG = new RegExp(`^${TAG_GRAMMAR}$`)
// 64 digits also for sha512: a tag has at most 128 characters
const FALLBACK_TAG = /^sha(?:256|512)-[0-9a-f]{64}(?:\.[A-Za-z0-9]+)?$/

/** Reports whether the text is a tag. */
export const isTagName = (text: unknown): text is TagName => typeof text === 'string' && TAG.test(text)

/**
 * Reports whether a tag holds referrers of another image: `sha256-<hex>`, `sha256-<hex>.sig`, `.att`, `.sbom`.
 * Source: OCI distribution-spec, referrers tag schema; cosign's naming.
 */
export const isReferrersTag = (tag: TagName): boolean => FALLBACK_TAG.test(tag)

/**
 * Returns the tag under which clients store an image's referrers in a registry without a referrers API; `suffix` is
 * cosign's `.sig`, `.att` or `.sbom`. Source: OCI distribution-spec, referrers tag schema: at most 64 characters of the digest.
 */
export const tagOfReferrers = (subject: Digest, suffix = ''): TagName => {
  const [algorithm = '', hex = ''] = subject.split(':')
  return `${algorithm}-${hex.slice(0, 64)}${suffix}` as TagName
}

/** Returns the image whose referrers a tag holds. Undefined for another tag, and for one whose digest is cut off. */
export const subjectOfTag = (tag: TagName): Digest | undefined =>
  isReferrersTag(tag) ? parseDigest(tag.split('.', 1)[0]?.replace('-', ':')) : undefined
