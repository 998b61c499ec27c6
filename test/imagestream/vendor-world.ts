import type { ImportImageInput } from '../../src/imagestream/commands/import-image-plan.ts'
import type { Import } from '../../src/imagestream/stored-import/import-state.ts'
import { FakeVendor } from '../fixtures/fake-vendor.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, type TestDomainOptions, UPSTREAM } from '../fixtures/test-domain.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** A stream of a repository whose vendor has a listing. Imports are a quarter of an hour apart. */
export class VendorWorld implements AsyncDisposable {
  readonly domain: TestDomain
  readonly vendor = new FakeVendor()

  constructor(options: TestDomainOptions = {}) {
    this.domain = new TestDomain(options)
    this.domain.remote.listBy(UPSTREAM, this.vendor)
  }

  /** Moves a tag at the registry and in the vendor's listing. */
  push(tag: string, seed: string | number): void {
    this.domain.remote.push(UPSTREAM, tag, image({ seed }))
    this.vendor.claim(tag, image({ seed }).digest, this.domain.time)
  }

  /** Creates so many tags with different images, pushed a second apart; the newest has the highest number. */
  release(tags: number): void {
    for (let at = 1; at <= tags; at++) {
      this.domain.time += 1000
      this.push(`1.0.${at}`, at)
    }
  }

  async create(): Promise<Import> {
    const { imported } = await this.domain.create()
    if (!imported) throw new Error('nothing was imported')
    this.take()
    return imported
  }

  /** Requests of an import to the registry and its vendor: requested tags, tag lists, and pages of the vendor's listing. */
  async poll(input: Partial<ImportImageInput> = {}) {
    this.domain.time += 15 * MINUTE
    const imported = await this.domain.import(input)
    return { imported, ...this.take() }
  }

  take() {
    const calls = this.domain.remote.takeCalls()
    return {
      requested: calls.filter(({ kind }) => kind === 'resolve').map(({ subject }) => subject),
      lists: calls.filter(({ kind }) => kind === 'list').length,
      pages: this.vendor.takePagesRead(),
    }
  }

  get watch() {
    const { id } = this.domain.stream()
    const found = this.domain.watches.ofStreams([id]).get(id)
    if (!found) throw new Error('the repository was not checked')
    return found
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.domain[Symbol.asyncDispose]()
  }
}
