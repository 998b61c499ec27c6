import type { SemVer } from 'semver'
import type { TagName } from '../../oci/tag.ts'
import { parseVersion } from '../../oci/version.ts'

/** Text by which a plain ascending sort (and an index) puts tags in an order that SQL cannot express. */
export interface SortKeys {
  /** `latest`, then minor versions, then full versions, each newest first, then all others in byte order. */
  readonly importance: string
  /** Every version newest first, the less exact one first among equals; then all others in byte order. */
  readonly version: string
}

export function sortKeysOf(tag: TagName): SortKeys {
  const version = parseVersion(tag)
  if (tag === 'latest') return { importance: '0', version: `2${tag}` }
  if (!version) return { importance: `3${tag}`, version: `2${tag}` }
  const newestFirst = descending(version.parsed)
  // at the same version "" stands before "v"
  const ties = `${version.prefix === '' ? '0' : '1'}${tag}`
  return {
    importance: `${version.full ? '2' : '1'}${newestFirst}${ties}`,
    version: `1${newestFirst}${version.full ? '1' : '0'}${ties}`,
  }
}

// Text that ascends as the number does: how many digits there are, as one character, then the digits.
const ascending = (number: number): string => {
  const digits = String(number)
  return String.fromCharCode('0'.charCodeAt(0) + digits.length) + digits
}

// Text that ascends with the version by semver's rules, then every character mirrored, so that it descends.
function descending({ major, minor, patch, prerelease }: SemVer): string {
  const numbers = ascending(major) + ascending(minor) + ascending(patch)
  // a release is above its pre-releases; a number is below a word; the longer of two with equal beginnings is above
  const identifiers =
    prerelease.length === 0
      ? '3'
      : `${prerelease
          .map((part) => (typeof part === 'number' ? `1${ascending(part)}` : `2${part} `))
          .join('')}0`
  return mirror(numbers + identifiers)
}

const FIRST = 0x20
const LAST = 0x7e
// by way of bytes: a string grown by single characters is kept as a tree of them, thirty times its size
const mirror = (text: string): string => {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at++) bytes[at] = FIRST + LAST - (bytes[at] ?? 0)
  return bytes.toString('latin1')
}

/** A copy in order of importance. */
export function sortByImportance(tags: readonly TagName[]): TagName[] {
  return tags
    .map((tag) => ({ tag, key: sortKeysOf(tag).importance }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ tag }) => tag)
}
