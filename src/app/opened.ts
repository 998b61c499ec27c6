/** Resources that are closed in reverse order of opening; Node.js 20 has no AsyncDisposableStack. */
export class Opened implements AsyncDisposable {
  readonly #closing: (() => unknown)[] = []

  use<Resource extends Disposable | AsyncDisposable>(resource: Resource): Resource {
    this.defer(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    )
    return resource
  }

  defer(close: () => unknown): void {
    this.#closing.push(close)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let close = this.#closing.pop(); close; close = this.#closing.pop()) await close()
  }
}
