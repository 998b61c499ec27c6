import type { SemVer } from 'semver'
import type { TagName } from '../../oci/tag.ts'
import { parseVersion } from '../../oci/version.ts'

/** Texts whose ascending order, which an index has, is an order of tags that SQL cannot express. */
export interface SortKeys {
  /** `latest`, then minor versions, then full versions, each newest first, then other tags in byte order. */
  readonly importance: string
  /** Versions newest first, of equal ones the more exact first, as policies choose; then other tags in byte order. */
  readonly version: string
}

/** Returns the sort keys of a tag. */
export function sortKeysOf(tag: TagName): SortKeys {
  const version = parseVersion(tag)
  if (tag === 'latest') return { importance: '0', version: `2${tag}` }
  if (!version) return { importance: `3${tag}`, version: `2${tag}` }
  const newestFirst = descending(version.parsed)
  // of equal versions the one without "v" comes first
  const ties = `${version.prefix === '' ? '0' : '1'}${tag}`
  return {
    importance: `${version.full ? '2' : '1'}${newestFirst}${ties}`,
    version: `1${newestFirst}${version.full ? '0' : '1'}${ties}`,
  }
}

// Returns text in the order of the number: the number of digits as one character, then the digits.
const ascending = (number: number): string => {
  const digits = String(number)
  return String.fromCharCode('0'.charCodeAt(0) + digits.length) + digits
}

// Returns text in descending order of semantic versions: text in ascending order with each character mirrored.
function descending({ major, minor, patch, prerelease }: SemVer): string {
  const numbers = ascending(major) + ascending(minor) + ascending(patch)
  // a release is higher than its pre-releases, a word is higher than a number, and more identifiers are higher than fewer
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
// through bytes: V8 keeps a string that is built from single characters as a tree of thirty times its size
const mirror = (text: string): string => {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at++) bytes[at] = FIRST + LAST - (bytes[at] ?? 0)
  return bytes.toString('latin1')
}

/** Returns a copy in order of importance. */
export function sortByImportance(tags: readonly TagName[]): TagName[] {
  return tags
    .map((tag) => ({ tag, key: sortKeysOf(tag).importance }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ tag }) => tag)
}
