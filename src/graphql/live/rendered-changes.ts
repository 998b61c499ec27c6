import { LRUCache } from 'lru-cache'
import type { ChangeResult } from './change-page.ts'

/** Milliseconds for which a rendered entry is shared: the data beside the entry may have changed after that. */
const LIFETIME = 1_000

/** Bytes of JSON in the cache. */
const CAPACITY = 16 * 1024 * 1024

interface RenderedChange {
  readonly result: Promise<ChangeResult>
  /** Milliseconds on the caller's clock. */
  readonly until: number
}

/** A cache of recently rendered entries, so that readers at different positions share them. */
export class RenderedChanges {
  readonly #now: () => number
  readonly #cache = new LRUCache<string, RenderedChange>({ maxSize: CAPACITY })

  /** `now` returns milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  get size(): number {
    return this.#cache.size
  }

  /** Returns the cached result of this key, or renders it. */
  get(key: string, render: () => Promise<ChangeResult>): Promise<ChangeResult> {
    const now = this.#now()
    this.#dropExpired(now)
    // not `get`, which would put the entry behind younger ones
    const cached = this.#cache.peek(key)
    if (cached) return cached.result
    const rendered = { result: render(), until: now + LIFETIME }
    // the size is known once the result is
    this.#cache.set(key, rendered, { size: 1 })
    void rendered.result.then(
      ({ json }) => this.#replace(key, rendered, json.length),
      () => this.#replace(key, rendered, undefined),
    )
    return rendered.result
  }

  /** Removes the entries whose lifetime is over: their keys contain whole documents, and no size counts those. */
  #dropExpired(now: number): void {
    for (const key of this.#cache.rkeys()) {
      if ((this.#cache.peek(key)?.until ?? 0) > now) break
      this.#cache.delete(key)
    }
  }

  /** Sets the size of an entry, or removes the entry without one, unless another has taken its place. */
  #replace(key: string, rendered: RenderedChange, bytes: number | undefined): void {
    if (this.#cache.peek(key) !== rendered) return
    this.#cache.delete(key)
    if (bytes !== undefined) this.#cache.set(key, rendered, { size: bytes })
  }
}
