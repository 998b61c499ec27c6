import { createHash } from 'node:crypto'
import { splitPrefix } from '../../logins/registry-login.ts'
import { isDigest } from '../../oci/digest.ts'
import { isRegistryName, isRepositoryName } from '../../oci/reference.ts'
import { isTagName, TAG_GRAMMAR } from '../../oci/tag.ts'
import { quoted } from './body.ts'
import { type Hint, InvalidDeliveryError, MAX_HINTS, type ParsedDelivery } from './delivery.ts'

/** A change as the sender sent it, not validated. */
export interface ReportedChange {
  /** Undefined, null or empty when the sender names none. */
  readonly registry?: unknown
  readonly repository: unknown
  /** Null when the sender names none: any tag may have changed. */
  readonly tag: unknown
  /** An invalid digest is ignored. */
  readonly digest?: unknown
  readonly action: Hint['action']
}

/** Returns a function that returns the action of an event by the sender's name for it; undefined for other events. */
export function actionsOf(actions: Readonly<Record<string, Hint['action']>>) {
  const byEvent = new Map<unknown, Hint['action']>(Object.entries(actions))
  return (event: unknown): Hint['action'] | undefined => byEvent.get(event)
}

/** Changes of one delivery that are read: no real delivery has more. */
export const MAX_CHANGES = 20_000
/** Hints, and kinds of ignored events, that the log line names. */
const MAX_NOTED = 3
const MAX_NOTE_LENGTH = 300
/** Kinds of ignored events that are counted separately. */
const MAX_KINDS = 20
const PRINTABLE_ID = /^[!-~]{1,200}$/

/** Collects the changes of one delivery. Never throws: changes with invalid names are left out and noted for the log. */
export class HintCollector {
  readonly #hints = new Map<string, Hint>()
  readonly #ignored = new Map<string, number>()
  #changes = 0
  #invalid = 0
  #firstInvalid = ''

  /** Adds a change. */
  add(change: ReportedChange): void {
    this.#changes += 1
    if (this.#changes > MAX_CHANGES) return
    const hint = hintOf(change)
    if (typeof hint !== 'string') this.#hints.set(keyOf(hint), hint)
    else if (this.#invalid++ === 0) this.#firstInvalid = hint
  }

  /** Adds a change, except a push without a tag: an image of an index, which is pushed before the index. */
  addTagged(change: ReportedChange): void {
    if (change.action === 'push' && change.tag === null) this.ignore('push by digest')
    else this.add(change)
  }

  /** Notes an event that changes no tag: `pull`. At most 100 characters of it are kept. */
  ignore(event: string): void {
    const ignored = this.#ignored
    // bounded, because senders choose the names
    const key = ignored.has(event) || ignored.size < MAX_KINDS ? event.slice(0, 100) : 'other events'
    ignored.set(key, (ignored.get(key) ?? 0) + 1)
  }

  /** Returns the delivery. `id` is the sender's id of it; empty for none. */
  parsed(id: string): ParsedDelivery {
    const all = [...this.#hints.values()]
    const kept = all.length > MAX_HINTS ? repositoriesOf(all) : all
    const note = [
      ...(all.length > 0 ? [textOfHints(all)] : []),
      ...(kept.length > MAX_HINTS ? [`${kept.length - MAX_HINTS} more repositories, ignored`] : []),
      ...(this.#changes > MAX_CHANGES ? [`${this.#changes - MAX_CHANGES} more changes, ignored`] : []),
      ...[...this.#ignored].slice(0, MAX_NOTED).map(([event, times]) => `${countOf(times)}${event}, ignored`),
      ...(this.#invalid > 0 ? [`${countOf(this.#invalid)}left out: ${this.#firstInvalid}`] : []),
    ].join('; ')
    return {
      id: printableId(id),
      hints: kept.slice(0, MAX_HINTS),
      note: note.slice(0, MAX_NOTE_LENGTH) || 'no changes',
    }
  }
}

/** Throws InvalidDeliveryError for a change that `add` would leave out, for a sender that should see the error. */
export function checkChange(change: ReportedChange): void {
  const hint = hintOf(change)
  if (typeof hint === 'string') throw new InvalidDeliveryError(hint)
}

/** Returns the id if it is printable and short, or else its hash; null for an empty one. */
function printableId(id: string): string | null {
  if (id === '') return null
  return PRINTABLE_ID.test(id) ? id : createHash('sha256').update(id).digest('hex')
}

/** Returns the hint, or why the change is invalid. */
function hintOf({ registry, repository, tag, digest, action }: ReportedChange): Hint | string {
  const host = registry === '' ? null : (registry ?? null)
  if (host !== null && !(typeof host === 'string' && isRegistryName(host))) {
    return `${quoted(host)} is not a registry's host`
  }
  if (typeof repository !== 'string' || !isRepositoryName(repository)) {
    return `${quoted(repository)} is not a repository's name`
  }
  if (tag !== null && !isTagName(tag)) return `${quoted(tag)} is not a tag: ${TAG_GRAMMAR}`
  return {
    registry: host === null ? null : splitPrefix(host).registry,
    repository,
    tag,
    digest: isDigest(digest) ? digest : null,
    action,
  }
}

const keyOf = ({ registry, repository, tag, digest, action }: Hint): string =>
  [action, registry ?? '', repository, tag ?? '', digest ?? ''].join(' ')

/** Returns one hint for each repository: any of its tags may have changed. */
function repositoriesOf(hints: readonly Hint[]): Hint[] {
  const repositories = new Map<string, Hint>()
  for (const { registry, repository } of hints) {
    const hint: Hint = { registry, repository, tag: null, digest: null, action: 'push' }
    repositories.set(keyOf(hint), hint)
  }
  return [...repositories.values()]
}

function textOfHints(hints: readonly Hint[]): string {
  const first = hints.slice(0, MAX_NOTED).map(textOfHint).join(', ')
  return hints.length > MAX_NOTED ? `${first} and ${hints.length - MAX_NOTED} more` : first
}

const textOfHint = ({ registry, repository, tag, digest, action }: Hint): string => {
  const name = `${registry === null ? '' : `${registry}/`}${repository}`
  const image = tag === null ? (digest === null ? '' : `@${digest.slice(0, 19)}`) : `:${tag}`
  return `${action === 'push' ? 'push' : 'deletion'} of ${name}${image}`
}

const countOf = (times: number): string => (times === 1 ? '' : `${times} × `)
