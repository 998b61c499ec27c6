/** A blob that is being copied. */
export interface BlobTransfer {
  /** Bytes from the source so far; 0 for a blob that is mounted. */
  readonly received: number
  /** Settles when the blob is stored, or failed. */
  readonly stored: Promise<void>
}

/** Progress of the copy of one image's blobs. */
export class BlobCopyProgress {
  storedCount = 0
  storedSize = 0
  #fetchedSize = 0
  readonly #running = new Set<BlobTransfer>()

  /** Bytes received from the source, without those of failed attempts. */
  get fetchedSize(): number {
    return this.#fetchedSize + this.receivedSize
  }

  /** Bytes of blobs that are arriving. */
  get receivedSize(): number {
    return [...this.#running].reduce((sum, { received }) => sum + received, 0)
  }

  /** Starts again: a new attempt counts everything that is stored. */
  reset(): void {
    this.storedCount = 0
    this.storedSize = 0
  }

  addStored(size: number): void {
    this.storedCount += 1
    this.storedSize += size
  }

  /** Settles as the transfer does. */
  async follow(transfer: BlobTransfer): Promise<void> {
    this.#running.add(transfer)
    try {
      await transfer.stored
      this.#fetchedSize += transfer.received
    } finally {
      this.#running.delete(transfer)
    }
  }
}
