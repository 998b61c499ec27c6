import type { DocumentNode } from 'graphql'

/** Parsed documents by their text, the last used ones, bounded by the length of all texts together. */
export class DocumentCache {
  readonly #capacity: number
  // the least recently used first
  readonly #documents = new Map<string, DocumentNode>()
  #length = 0

  /** Capacity in characters. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  has(text: string): boolean {
    return this.#documents.has(text)
  }

  get(text: string): DocumentNode | undefined {
    const document = this.#documents.get(text)
    if (document) {
      this.#documents.delete(text)
      this.#documents.set(text, document)
    }
    return document
  }

  set(text: string, document: DocumentNode): void {
    if (!this.#documents.delete(text)) this.#length += text.length
    this.#documents.set(text, document)
    for (const oldest of this.#documents.keys()) {
      if (this.#length <= this.#capacity) break
      this.#documents.delete(oldest)
      this.#length -= oldest.length
    }
  }
}
