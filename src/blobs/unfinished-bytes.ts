import type { UploadSummary } from './layout.ts'

/** An upload, by its id and the repository `namespace/name` that it is for. */
type UploadOf = Pick<UploadSummary, 'id' | 'repository'>

/** The unfinished uploads of one namespace that have bytes. */
interface OfNamespace {
  readonly uploads: Map<string, UploadOf & { readonly size: number }>
  total: number
}

/** Bytes on the disk of the uploads that are not finished, by namespace. After a restart an upload counts from its next use on. */
export class UnfinishedBytes {
  readonly #namespaces = new Map<string, OfNamespace>()

  /** Sets the size of an upload; 0 for one that is finished or discarded. */
  set({ id, repository }: UploadOf, size: number): void {
    const [namespace = ''] = repository.split('/', 1)
    const held = this.#namespaces.get(namespace) ?? { uploads: new Map(), total: 0 }
    held.total += size - (held.uploads.get(id)?.size ?? 0)
    if (size === 0) held.uploads.delete(id)
    else held.uploads.set(id, { id, repository, size })
    if (held.uploads.size === 0) this.#namespaces.delete(namespace)
    else this.#namespaces.set(namespace, held)
  }

  of(namespace: string): number {
    return this.#namespaces.get(namespace)?.total ?? 0
  }

  uploadsOf(namespace: string): readonly UploadOf[] {
    return [...(this.#namespaces.get(namespace)?.uploads.values() ?? [])]
  }
}
