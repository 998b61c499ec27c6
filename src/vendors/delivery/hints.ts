import { createHash } from 'node:crypto'
import { splitPrefix } from '../../logins/registry-login.ts'
import { isDigest } from '../../oci/digest.ts'
import { isRegistryName, isRepositoryName } from '../../oci/reference.ts'
import { isTagName, TAG_GRAMMAR } from '../../oci/tag.ts'
import { quoted } from './body.ts'
import { type Hint, InvalidDeliveryError, MAX_HINTS, type ParsedDelivery } from './sender.ts'

/** What a sender says has changed, not yet looked at. */
export interface ReportedChange {
  /** Null: not said. */
  readonly registry: unknown
  readonly repository: unknown
  /** Null: which tags moved is not said. */
  readonly tag: unknown
  /** What is no digest counts as not said: it is only a hint. */
  readonly digest: unknown
  readonly action: 'push' | 'delete'
}

/** Collects what one delivery tells. Nothing that is told makes it throw: what has an illegal name is left out and noted. */
export interface HintCollector {
  add(told: ReportedChange): void
  /** Notes what moves no tag: `pull, ignored`. One of few phrases, or short. */
  ignore(what: string): void
  /** `id`: the sender's own name of the delivery, or empty. */
  reading(id: string): ParsedDelivery
}

/** What one delivery may tell: no body of the size that is taken has more that is meant. */
export const MAX_TOLD = 20_000
const MAX_NOTED = 3
const MAX_NOTE_LENGTH = 300
/** Of what is ignored, told apart. */
const MAX_KINDS = 20
const PRINTABLE_ID = /^[!-~]{1,200}$/

export function createHintCollector(): HintCollector {
  const hints = new Map<string, Hint>()
  const ignored = new Map<string, number>()
  let told = 0
  let dropped = 0
  let firstDropped = ''

  return {
    add(each) {
      if (++told > MAX_TOLD) return
      const hint = hintOf(each)
      if (typeof hint !== 'string') hints.set(keyOf(hint), hint)
      else if (dropped++ === 0) firstDropped = hint
    },
    ignore(what) {
      // whoever invents names without end has them counted together
      const key = ignored.has(what) || ignored.size < MAX_KINDS ? what.slice(0, 100) : 'of other kinds'
      ignored.set(key, (ignored.get(key) ?? 0) + 1)
    },
    reading(id) {
      const all = [...hints.values()]
      const kept = all.length > MAX_HINTS ? byRepository(all) : all
      const note = [
        ...(all.length > 0 ? [toldOf(all)] : []),
        ...(kept.length > MAX_HINTS
          ? [`${kept.length - MAX_HINTS} more repositories than are looked at`]
          : []),
        ...(told > MAX_TOLD ? [`${told - MAX_TOLD} more than are looked at`] : []),
        ...[...ignored].slice(0, MAX_NOTED).map(([what, times]) => `${countOf(times)}${what}, ignored`),
        ...(dropped > 0 ? [`${countOf(dropped)}left out: ${firstDropped}`] : []),
      ].join('; ')
      return {
        id: nameOf(id),
        hints: kept.slice(0, MAX_HINTS),
        note: (note === '' ? 'nothing told' : note).slice(0, MAX_NOTE_LENGTH),
      }
    },
  }
}

/** For a sender that should hear of it. Throws InvalidDeliveryError where `add` would leave it out. */
export function checkHint(told: ReportedChange): void {
  const hint = hintOf(told)
  if (typeof hint === 'string') throw new InvalidDeliveryError(hint)
}

/** The sender's name of a delivery, as it can be kept; null where it has none. */
function nameOf(id: string): string | null {
  if (id === '') return null
  return PRINTABLE_ID.test(id) ? id : createHash('sha256').update(id).digest('hex')
}

/** The hint, or why it is none. */
function hintOf({ registry, repository, tag, digest, action }: ReportedChange): Hint | string {
  const host = registry === null || registry === '' ? null : registry
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

/** One hint for each repository: something in it moved. */
function byRepository(hints: readonly Hint[]): Hint[] {
  const repositories = new Map<string, Hint>()
  for (const { registry, repository } of hints) {
    const hint: Hint = { registry, repository, tag: null, digest: null, action: 'push' }
    repositories.set(keyOf(hint), hint)
  }
  return [...repositories.values()]
}

function toldOf(hints: readonly Hint[]): string {
  const shown = hints.slice(0, MAX_NOTED).map(textOfHint).join(', ')
  return hints.length > MAX_NOTED ? `${shown} and ${hints.length - MAX_NOTED} more` : shown
}

const textOfHint = ({ registry, repository, tag, digest, action }: Hint): string => {
  const name = `${registry === null ? '' : `${registry}/`}${repository}`
  const what = tag === null ? (digest === null ? '' : `@${digest.slice(0, 19)}`) : `:${tag}`
  return `${action === 'push' ? 'push' : 'deletion'} of ${name}${what}`
}

const countOf = (times: number): string => (times === 1 ? '' : `${times} × `)
