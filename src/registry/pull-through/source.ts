import type { Readable } from 'node:stream'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Reference } from '../../oci/reference.ts'

/** Client of other registries; `app/registry.ts` connects it to `remote`. */
export interface BlobSource {
  /**
   * Resolves when the first bytes have arrived, to a stream of unverified bytes of the descriptor's size. Rejects, and
   * the stream fails, with RegistryError or the signal's reason.
   */
  fetchBlob(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options: BlobSourceOptions,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<Readable>
}

export interface BlobSourceOptions {
  /** Allows plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Queue of the request: connections to a registry are shared fairly between lanes. */
  readonly lane: string
  /** Namespace whose credentials are used. */
  readonly namespace: string
  readonly signal: AbortSignal
}
