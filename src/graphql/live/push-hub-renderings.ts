import type { PushResult } from './push-hub-group.ts'

/** Milliseconds that a rendering is shared; what it tells of the present may have changed after that. */
const LIFETIME = 1_000

/** Bytes of JSON that are kept. */
const CAPACITY = 16 * 1024 * 1024

interface Rendering {
  readonly result: Promise<PushResult>
  readonly at: number
  bytes: number
}

/** Results that were made a moment ago, so that those who read the same push from other positions share them. */
export class Renderings {
  readonly #now: () => number
  // oldest first
  readonly #kept = new Map<string, Rendering>()
  #bytes = 0

  /** `now` tells milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The rendering of that name, made now unless there is a fresh one. */
  get(name: string, render: () => Promise<PushResult>): Promise<PushResult> {
    this.#dropStale()
    const kept = this.#kept.get(name)
    if (kept) return kept.result
    const rendering: Rendering = { result: render(), at: this.#now(), bytes: 0 }
    this.#kept.set(name, rendering)
    void rendering.result.then(
      ({ json }) => this.#account(name, rendering, json.length),
      () => this.#drop(name, rendering),
    )
    return rendering.result
  }

  #account(name: string, rendering: Rendering, bytes: number): void {
    if (this.#kept.get(name) !== rendering) return
    rendering.bytes = bytes
    this.#bytes += bytes
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#bytes <= CAPACITY) break
      this.#kept.delete(oldest)
      this.#bytes -= freed
    }
  }

  #dropStale(): void {
    const limit = this.#now() - LIFETIME
    for (const [name, rendering] of this.#kept) {
      if (rendering.at > limit) break
      this.#drop(name, rendering)
    }
  }

  #drop(name: string, rendering: Rendering): void {
    if (this.#kept.get(name) !== rendering) return
    this.#kept.delete(name)
    this.#bytes -= rendering.bytes
  }
}
