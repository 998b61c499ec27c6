import { quoted } from '../../input/errors.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import { containersOf } from './containers.ts'
import type { WorkloadAddress } from './kinds.ts'
import { containerUnknown } from './problems.ts'
import { type ImagesUpdate, updateImages } from './update-images.ts'

/** A container, and the image that it is to have. */
export interface ContainerImage extends WorkloadAddress {
  /** Name of a container or an init container. */
  readonly container: string
  /** Pull spec by digest. */
  readonly image: string
}

/** Sets the image of one container, which must exist. Rejects as `updateImages` does. */
export const setImage = (
  client: KubernetesClient,
  { container: name, image, ...address }: ContainerImage,
  signal: AbortSignal,
): Promise<ImagesUpdate> =>
  updateImages(client, address, {
    signal,
    decide(object, kind) {
      const containers = containersOf(object, kind)
      const container = containers.find((one) => one.name === name)
      if (!container) return { changes: [], conditions: [containerUnknown(quoted(name), containers, null)] }
      if (container.image === image) return { changes: [], conditions: [] }
      const fieldPath = `${kind.podSpec}.${container.list}[${container.index}].image`
      return { changes: [{ container, fieldPath, to: image }], conditions: [] }
    },
  })

/** Reads whether the object has the container, without a change. Rejects as `updateImages` does. */
export const findContainer = (
  client: KubernetesClient,
  { container: name, ...address }: Omit<ContainerImage, 'image'>,
  signal: AbortSignal,
): Promise<ImagesUpdate> =>
  updateImages(client, address, {
    signal,
    decide(object, kind) {
      const containers = containersOf(object, kind)
      const isThere = containers.some((one) => one.name === name)
      return { changes: [], conditions: isThere ? [] : [containerUnknown(quoted(name), containers, null)] }
    },
  })
