import { getOrSet } from '../../input/maps.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Candidate } from '../../policy/rule.ts'
import { type ImageFetcher, withTagImage } from '../image/fetch-image.ts'
import { createdOf, kindOfImage } from '../image/image-columns.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { PassedOver } from '../tag/policy-choice.ts'
import type { RegistryReader } from '../watch/registry-reader.ts'
import type { ImportOutcomes } from './import-context.ts'

export interface CreationTimesDependencies {
  readonly reader: RegistryReader
  readonly fetcher: ImageFetcher
  /** Stores an image that was read to compare it, so that the next import does not fetch it. */
  readonly outcomes: ImportOutcomes
}

/** Time of the image's creation in milliseconds since 1970, null if unknown; or why the tag has no image that can be used. */
type Creation = Pick<Candidate, 'createdAt' | 'isArtifact'> | PassedOver

/** Why a rule does not choose a tag of a registry. */
export type Unusable = PassedOver | { readonly reason: 'ARTIFACT'; readonly message: string }

/** Creation times of the images of a registry's tags. Several rules of one import that compare the same image read it once. */
export class CreationTimes {
  readonly #dependencies: CreationTimesDependencies
  /** By repository, options and tag. */
  readonly #creations = new Map<string, Promise<Creation>>()

  constructor(dependencies: CreationTimesDependencies) {
    this.#dependencies = dependencies
  }

  /** Returns the creation time of the tag's image, read with the options of the target. Throws RegistryError. */
  of(target: ImportTarget, tag: TagName): Promise<Creation> {
    const { reference, insecure, platform, importMode } = target
    const key = JSON.stringify([formatRepository(reference), insecure, platform, importMode, tag])
    return getOrSet(this.#creations, key, () => this.#readCreation(target, tag))
  }

  async #readCreation(target: ImportTarget, tag: TagName): Promise<Creation> {
    try {
      return await this.#readImage(target, tag)
    } catch (error) {
      // these errors exclude this tag only
      if (
        error instanceof RegistryError &&
        (error.reason === 'NotFound' || error.reason === 'InvalidManifest')
      ) {
        return { reason: error.reason, message: error.message }
      }
      if (error instanceof InvalidManifestError) {
        return { reason: 'InvalidManifest', message: `invalid manifest: ${error.message}` }
      }
      throw error
    }
  }

  /**
   * Returns the image's time, and whether it is an artifact. The time of an index is that of its image for the platform, in
   * either mode: an index has no time of its own, and its other images would have to be fetched for theirs.
   */
  async #readImage(target: ImportTarget, tag: TagName): Promise<Creation> {
    const { reader, fetcher, outcomes } = this.#dependencies
    const resolved = await reader.resolveTag(target, tag, { known: null, keep: true })
    const repository = reader.repository(target)
    const read = (importMode: ImportTarget['importMode']): Promise<Creation> =>
      withTagImage(
        fetcher,
        { repository, namespace: reader.namespace, resolved, importMode, platform: target.platform },
        async (found) => {
          await outcomes.fetched(target, found)
          const isArtifact = kindOfImage(found.image).kind === 'ARTIFACT' ? 1 : 0
          return { createdAt: createdOf(found.image), isArtifact }
        },
      )
    try {
      return await read('Legacy')
    } catch (error) {
      // an index without an image for the platform can be imported as a whole
      if (!(error instanceof InvalidManifestError) || target.importMode === 'Legacy') throw error
      return read('PreserveOriginal')
    }
  }
}
