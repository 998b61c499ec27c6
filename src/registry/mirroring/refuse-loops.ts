import { InvalidInputError } from '../../input/errors.ts'
import type { ImageDestinations } from './destination.ts'
import { formatPlace, isOneImage, isRepository, type MirroringRequest } from './mirroring.ts'
import type { ImageSources } from './source.ts'

interface LoopDependencies {
  readonly sources: Pick<ImageSources, 'isOwn'>
  readonly destinations: Pick<ImageDestinations, 'locate'>
}

/**
 * Returns a function that throws InvalidInputError for a destination that is a repository of this server, which is named by its
 * stream, or the source itself; also where a registry configuration leads there.
 */
export const createLoopCheck =
  ({ sources, destinations }: LoopDependencies) =>
  ({ destination, images }: MirroringRequest): void => {
    if (!isRepository(destination)) return
    const refuse = (problem: string): never => {
      throw new InvalidInputError('toRepository', `"${formatPlace(destination)}" ${problem}`)
    }
    const at = destinations.locate(destination)
    if (sources.isOwn(destination.registry) || sources.isOwn(at.registry)) {
      refuse('is in this server: name the stream that is to get the images in "imageStream"')
    }
    const from = isOneImage(images) ? images.source : images.of
    if (!isRepository(from)) return
    const isSameTag = !isOneImage(images) || images.tag === null || images.tag === images.source.tag
    if (isSameTag && formatPlace(destinations.locate(from)) === formatPlace(at)) {
      refuse('is the source itself: name another repository, or another tag')
    }
  }
