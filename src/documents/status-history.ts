import type { ReportedEntry, ReportedHistory } from '../imagestream/watch/reported-histories.ts'
import { timeOfRfc3339 } from '../input/time.ts'
import { parseDigest } from '../oci/digest.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from '../oci/tag.ts'
import { expected, isPlainObject } from './fields.ts'
import type { DocumentReport } from './report.ts'
import { type Path, quote } from './source.ts'

/** History of one tag in a document's status. */
export interface DocumentHistory extends ReportedHistory {
  /** Path of its `items`. */
  readonly path: Path
}

/** Fields of a status that are read, or that this server computes itself. Source: openshift/api image/v1 types.go. */
const STATUS_FIELDS = ['dockerImageRepository', 'publicDockerImageRepository', 'tags']
const TAG_FIELDS = ['conditions', 'items', 'tag']
const ENTRY_FIELDS = ['created', 'dockerImageReference', 'generation', 'image']
/** Number of warnings about the entries of one tag; a last one counts the others. */
const MAX_ENTRY_WARNINGS = 3

interface StatusContext {
  readonly report: DocumentReport
  /** Milliseconds since 1970: entries of the future are invalid. */
  readonly now: number
}

/**
 * Returns the histories in a document's `status`. Servers write it, so that what is invalid or unknown is a warning and
 * never an error.
 */
export function readHistories(status: unknown, context: StatusContext): DocumentHistory[] {
  const { report } = context
  const path = ['status']
  const fields = status === null ? null : objectAt(path, status, { report, known: STATUS_FIELDS })
  const seen = new Set<TagName>()
  return listAt([...path, 'tags'], fields?.tags, report).flatMap((value, at) => {
    const place = [...path, 'tags', at]
    const tag = objectAt(place, value, { report, known: TAG_FIELDS })
    const items = listAt([...place, 'items'], tag?.items, report)
    if (items.length === 0) return []
    const name = tag?.tag
    if (!isTagName(name) || seen.has(name)) {
      const flaw = isTagName(name) ? `${quote(name)} appears twice` : flawOfName(name)
      report.warn([...place, 'tag'], `the history is ignored: ${flaw}`)
      return []
    }
    seen.add(name)
    const entries = readEntries([...place, 'items'], items, context)
    return entries.length === 0 ? [] : [{ tag: name, path: [...place, 'items'], entries }]
  })
}

const flawOfName = (name: unknown): string =>
  typeof name === 'string' ? `${quote(name)} does not match ${TAG_GRAMMAR}` : expected('a string', name)

/** An entry at its place in the list. */
interface PlacedEntry extends Pick<ReportedEntry, 'from'> {
  readonly at: number
  /** Null for an invalid one: its time still ends the entry before it. */
  readonly digest: ReportedEntry['digest'] | null
}

/** Returns the valid entries of a tag, newest first. */
function readEntries(path: Path, items: readonly unknown[], { report, now }: StatusContext): ReportedEntry[] {
  const warnings = new EntryWarnings(path, report)
  const placed = items.flatMap((item, at) => readEntry(item, { at, warnings, now }) ?? [])
  const late = placed.find(({ from }, index) => from > (placed[index - 1]?.from ?? Number.POSITIVE_INFINITY))
  if (late) {
    const message = 'is newer than the entry before it: the entries are put in the order of their times'
    report.warn([...path, late.at, 'created'], message)
  }
  const seen = new Map<string, number>()
  const entries: ReportedEntry[] = []
  let until: number | null = null
  for (const { at, from, digest } of placed.sort((one, other) => other.from - one.from)) {
    const key = `${from} ${digest}`
    const first = seen.get(key)
    if (first !== undefined) warnings.add([at], `is the same entry as items[${first}]`)
    else if (digest) entries.push({ digest, from, until })
    if (digest && first === undefined) seen.set(key, at)
    until = from
  }
  warnings.end()
  return entries
}

/** Returns an entry; null for one without a time. */
function readEntry(
  item: unknown,
  { at, warnings, now }: { readonly at: number; readonly warnings: EntryWarnings; readonly now: number },
): PlacedEntry | null {
  if (!isPlainObject(item)) {
    warnings.add([at], expected('an object', item))
    return null
  }
  const { created, image, ...rest }: Record<string, unknown> = { ...item }
  for (const key of Object.keys(rest)) {
    if (!ENTRY_FIELDS.includes(key)) warnings.addUnknown([at, key])
  }
  // YAML has times without quotation marks
  const from = created instanceof Date ? created.getTime() : timeOfRfc3339(created)
  if (from === null || !(from > 0 && from <= now)) {
    const isTime = from !== null && from > now
    warnings.add([at, 'created'], isTime ? 'is in the future' : 'must be a time such as 2024-05-01T12:30:00Z')
    return null
  }
  const digest = parseDigest(image) ?? null
  if (digest === null) {
    warnings.add([at, 'image'], 'must be a digest: sha256: and 64 hexadecimal digits')
  }
  return { at, from, digest }
}

/** Warnings about the entries of one tag, of which only the first ones have their own text. */
class EntryWarnings {
  readonly #path: Path
  readonly #report: DocumentReport
  #count = 0

  constructor(path: Path, report: DocumentReport) {
    this.#path = path
    this.#report = report
  }

  add(path: Path, flaw: string): void {
    this.#count++
    if (this.#count <= MAX_ENTRY_WARNINGS) {
      this.#report.warn([...this.#path, ...path], `the entry is ignored: ${flaw}`)
    }
  }

  addUnknown(path: Path): void {
    this.#count++
    if (this.#count <= MAX_ENTRY_WARNINGS) warnUnknown(this.#report, [...this.#path, ...path])
  }

  /** Counts the warnings that have no text. */
  end(): void {
    const more = this.#count - MAX_ENTRY_WARNINGS
    if (more > 0) this.#report.warn(this.#path, `${more} more ${more === 1 ? 'warning' : 'warnings'}`)
  }
}

const warnUnknown = (report: DocumentReport, path: Path): void =>
  report.warn(path, 'unknown field, not stored')

/** Returns an object, and warns of its unknown fields; null, with a warning, for another value. */
function objectAt(
  path: Path,
  value: unknown,
  { report, known }: { readonly report: DocumentReport; readonly known: readonly string[] },
): Readonly<Record<string, unknown>> | null {
  if (!isPlainObject(value)) {
    report.warn(path, `is ignored: ${expected('an object', value)}`)
    return null
  }
  for (const key of Object.keys(value)) if (!known.includes(key)) warnUnknown(report, [...path, key])
  return { ...value }
}

/** Returns a list; empty for none and, with a warning, for another value. */
function listAt(path: Path, value: unknown, report: DocumentReport): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (value !== undefined && value !== null) report.warn(path, `is ignored: ${expected('a list', value)}`)
  return []
}
