import { decide } from '../../src/policy/decide.ts'
import { ruleOf } from '../../src/policy/rule.ts'
import { tagName } from '../fixtures/test-domain.ts'

/** `a:1`: all streams are of one namespace. */
export type Key = `${string}:${string}`

/**
 * The source in a spec tag: a followed tag, a tag that is copied once, an image of a stream's history, a policy over the
 * stream's other tags, or none.
 */
export type Source =
  | { readonly kind: 'follow' | 'reference'; readonly of: Key }
  | { readonly kind: 'pin'; readonly stream: string; readonly image: number }
  /** By the rule's text. */
  | { readonly kind: 'rule'; readonly rule: string }
  | { readonly kind: 'none' }

export interface ModelEvent {
  readonly id: number
  image: number
  reference: string
  generation: number
}

interface ModelStream {
  generation: number
  readonly spec: Map<string, Source & { readonly generation: number }>
  /** Newest first; of removed tags too. */
  readonly history: Map<string, ModelEvent[]>
  /** Tags with a history and without an image: removed, unless their import fails. */
  readonly removed: Set<string>
  /** Generation of the spec tag whose import failed. */
  readonly failing: Map<string, number>
  /** What rules chose. */
  readonly chosen: Map<string, string | null>
}

export const keyOf = (stream: string, tag: string): Key => `${stream}:${tag}`
const split = (key: Key) => key.split(':') as [stream: string, tag: string]

/** A simple model of tag events, followers, policies and spec tags. */
export class FollowModel {
  /** When an image was created. */
  readonly #createdAt: (image: number) => number | null
  streams = new Map<string, ModelStream>()
  log: { key: Key; image: number }[] = []
  /** Tags that were removed. */
  readonly removed = new Set<Key>()
  #events = 0

  constructor(createdAt: (image: number) => number | null = () => null) {
    this.#createdAt = createdAt
  }

  stream(name: string): ModelStream {
    const found = this.streams.get(name) ?? {
      generation: 1,
      spec: new Map(),
      history: new Map(),
      removed: new Set<string>(),
      failing: new Map<string, number>(),
      chosen: new Map<string, string | null>(),
    }
    this.streams.set(name, found)
    return found
  }

  source(key: Key): (Source & { readonly generation: number }) | undefined {
    const [stream, tag] = split(key)
    return this.streams.get(stream)?.spec.get(tag)
  }

  now(key: Key): ModelEvent | undefined {
    const [name, tag] = split(key)
    const stream = this.streams.get(name)
    return stream?.removed.has(tag) ? undefined : stream?.history.get(tag)?.[0]
  }

  /** Records the event of a tag, then of its followers, the nearest first; then the stream's policies choose. */
  record(key: Key, image: number, reference: string): void {
    const moved = this.#recordWithFollowers(key, image, reference) ? [split(key)[1]] : []
    this.#choose(split(key)[0], { moved, rewritten: [] })
  }

  #recordWithFollowers(key: Key, image: number, reference: string): boolean {
    const moved = this.#recordOne(key, image, reference) ? [key] : []
    for (const source of moved) {
      for (const follower of this.followers(source)) {
        if (this.#recordOne(follower, image, reference)) moved.push(follower)
      }
    }
    return moved.length > 0
  }

  /** Returns the tag that a policy chooses among all of them. */
  decide(name: string, tag: string, rule: string): string | null {
    const stream = this.stream(name)
    const candidates = [...stream.history].flatMap(([other, [now]]) => {
      const kind = stream.spec.get(other)?.kind
      if (other === tag || !now || stream.removed.has(other) || kind === 'follow' || kind === 'rule')
        return []
      return [{ tag: tagName(other), createdAt: this.#createdAt(now.image) }]
    })
    return decide(ruleOf(rule), candidates, { shown: 0 }).chosen
  }

  /** Lets each policy of the stream choose: its tag moves with another choice, with the chosen tag, and when the policy is new. */
  #choose(
    name: string,
    changed: { readonly moved: readonly string[]; readonly rewritten: readonly string[] },
  ) {
    const stream = this.stream(name)
    for (const [tag, source] of [...stream.spec].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (source.kind !== 'rule') continue
      const chosen = this.decide(name, tag, source.rule)
      const isNew = chosen !== stream.chosen.get(tag) || changed.rewritten.includes(tag)
      stream.chosen.set(tag, chosen)
      const now = chosen === null ? undefined : this.now(keyOf(name, chosen))
      if (chosen !== null && now && (isNew || changed.moved.includes(chosen))) {
        this.#recordWithFollowers(keyOf(name, tag), now.image, now.reference)
      }
    }
  }

  /** Applies the table of tag events. Reports whether the image or reference of the tag changed. */
  #recordOne(key: Key, image: number, reference: string): boolean {
    const [name, tag] = split(key)
    const stream = this.stream(name)
    const generation = this.source(key)?.generation ?? stream.generation
    const history = stream.history.get(tag) ?? []
    stream.history.set(tag, history)
    stream.failing.delete(tag)
    const now = stream.removed.delete(tag) ? undefined : history[0]
    if (now?.image !== image) this.log.push({ key, image })
    const isMoved = now?.image !== image || now.reference !== reference
    if (now && (now.image === image || now.reference === reference)) {
      Object.assign(now, { image, reference, generation: Math.max(now.generation, generation) })
    } else {
      history.unshift({ id: ++this.#events, image, reference, generation })
    }
    return isMoved
  }

  followers(key: Key): Key[] {
    return [...this.streams].flatMap(([stream, { spec }]) =>
      [...spec]
        .filter(([, source]) => source.kind === 'follow' && source.of === key)
        .map(([tag]) => keyOf(stream, tag))
        .sort(),
    )
  }

  fail(key: Key): void {
    const [name, tag] = split(key)
    const stream = this.stream(name)
    if (!stream.history.has(tag)) stream.history.set(tag, [])
    stream.failing.set(tag, this.source(key)?.generation ?? stream.generation)
  }

  remove(key: Key): boolean {
    const [name, tag] = split(key)
    const stream = this.streams.get(name)
    if (!stream) return false
    const wasInSpec = stream.spec.delete(tag)
    if (wasInSpec) stream.generation++
    const wasInStatus = stream.history.has(tag) && (!stream.removed.has(tag) || stream.failing.has(tag))
    if (stream.history.get(tag)?.length) stream.removed.add(tag)
    else stream.history.delete(tag)
    stream.failing.delete(tag)
    stream.chosen.delete(tag)
    if (wasInStatus) this.removed.add(key)
    this.#choose(name, { moved: [], rewritten: [tag] })
    return wasInSpec || wasInStatus
  }

  delete(name: string): boolean {
    for (const tag of this.streams.get(name)?.history.keys() ?? []) this.removed.add(keyOf(name, tag))
    return this.streams.delete(name)
  }

  /** Reports whether the tag follows itself through others. */
  isCycle(key: Key): boolean {
    let at: Key | undefined = key
    for (let steps = 0; at && steps < 100; steps++) {
      const source: Source | undefined = this.source(at)
      at = source?.kind === 'follow' ? source.of : undefined
      if (at === key) return true
    }
    return false
  }

  /** Replaces a stream's spec tags. Returns false without changes where that makes a cycle. */
  specify(name: string, tags: ReadonlyMap<string, Source>): boolean {
    const isNew = !this.streams.has(name)
    const stream = this.stream(name)
    const old = new Map(stream.spec)
    const changed = [...tags].filter(([tag, source]) => !isSame(old.get(tag), source)).map(([tag]) => tag)
    const gone = [...old.keys()].filter((tag) => !tags.has(tag))
    const generation = stream.generation + (isNew || changed.length + gone.length === 0 ? 0 : 1)

    stream.spec.clear()
    for (const [tag, source] of tags) {
      const same = changed.includes(tag) ? undefined : old.get(tag)
      stream.spec.set(tag, same ?? { ...source, generation })
    }
    if (changed.some((tag) => this.isCycle(keyOf(name, tag)))) {
      stream.spec.clear()
      for (const [tag, source] of old) stream.spec.set(tag, source)
      if (isNew) this.streams.delete(name)
      return false
    }
    stream.generation = generation
    for (const tag of gone) {
      stream.failing.delete(tag)
      if (stream.history.get(tag)?.length === 0) stream.history.delete(tag)
    }
    const depth = (key: Key): number => {
      const source = this.source(key)
      return source?.kind === 'follow' ? 1 + depth(source.of) : 0
    }
    for (const tag of [...changed, ...gone]) {
      if (stream.spec.get(tag)?.kind !== 'rule') stream.chosen.delete(tag)
    }
    // a policy chooses once, after the copies have their images and before the followers do
    const keys = changed.map((tag) => keyOf(name, tag)).sort((a, b) => depth(a) - depth(b))
    const moved = keys.filter((key) => depth(key) === 0 && this.#takeOver(key)).map((key) => split(key)[1])
    this.#choose(name, { moved, rewritten: [...changed, ...gone] })
    for (const key of keys) if (depth(key) > 0) this.#takeOver(key)
    return true
  }

  /** Gives the tag the image of its source. */
  takeOver(key: Key): void {
    const [name, tag] = split(key)
    this.#choose(name, { moved: this.#takeOver(key) ? [tag] : [], rewritten: [] })
  }

  #takeOver(key: Key): boolean {
    const source = this.source(key)
    if (!source || source.kind === 'rule' || source.kind === 'none') return false
    const event = source.kind === 'pin' ? this.inHistory(source.stream, source.image) : this.now(source.of)
    return event !== undefined && this.#recordWithFollowers(key, event.image, event.reference)
  }

  /** Returns the newest reference of the image in a stream. */
  inHistory(name: string, image: number): ModelEvent | undefined {
    const events = [...(this.streams.get(name)?.history.values() ?? [])].flat()
    return events.filter((event) => event.image === image).sort((a, b) => b.id - a.id)[0]
  }

  /** The visible state of a stream, to detect changes. */
  picture(name: string): string {
    const stream = this.streams.get(name)
    return JSON.stringify(
      stream && [
        stream.generation,
        [...stream.spec],
        [...stream.history].sort(),
        [...stream.removed].sort(),
        [...stream.failing].sort(),
      ],
    )
  }
}

const isSame = (a: Source | undefined, b: Source): boolean => {
  if (a?.kind === 'pin' && b.kind === 'pin') return a.stream === b.stream && a.image === b.image
  if (a?.kind === 'rule' && b.kind === 'rule') return a.rule === b.rule
  if (a && 'of' in a && 'of' in b) return a.kind === b.kind && a.of === b.of
  return a?.kind === b.kind
}
