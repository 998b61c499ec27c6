import { groupBy } from '../../input/maps.ts'
import { type Descriptor, isAttachment, type Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ImageConfig } from '../../oci/image-config.ts'
import { platformKey } from '../../oci/platforms.ts'

/** Layers of two images, each once, lowest first; shared layers in the order of `to`. */
export interface LayerDifference {
  readonly shared: readonly Descriptor[]
  readonly removed: readonly Descriptor[]
  readonly added: readonly Descriptor[]
}

/** A change of an environment variable or a label; null where the image does not have it. */
export interface ValueChange {
  readonly key: string
  readonly from: string | null
  readonly to: string | null
}

/** Fields of an image's config that are one value or one list. */
export const SETTINGS = [
  'user',
  'workingDir',
  'entrypoint',
  'cmd',
  'exposedPorts',
  'volumes',
  'stopSignal',
] as const
export type ConfigField = (typeof SETTINGS)[number]

/** A change of a config field; null where the image does not set it. */
export interface SettingChange {
  readonly field: ConfigField
  readonly from: ImageConfig[ConfigField]
  readonly to: ImageConfig[ConfigField]
}

/** Images of two indexes for one platform; at least one of them is not null. */
export interface PlatformPair<Child> {
  readonly platform: Platform | null
  readonly from: Child | null
  readonly to: Child | null
}

/** Returns the layers that two images share, and those that only one of them has. */
export function layerDifference(from: readonly Descriptor[], to: readonly Descriptor[]): LayerDifference {
  const before = byDigest(from)
  const after = byDigest(to)
  return {
    shared: [...after.values()].filter(({ digest }) => before.has(digest)),
    removed: [...before.values()].filter(({ digest }) => !after.has(digest)),
    added: [...after.values()].filter(({ digest }) => !before.has(digest)),
  }
}

/** Returns the compressed size of layers, in bytes. */
export const sizeOfLayers = (layers: readonly Descriptor[]): number =>
  layers.reduce((sum, { size }) => sum + size, 0)

/** Returns the environment variables that differ, by name. */
export const environmentChanges = (
  from: ImageConfig | null,
  to: ImageConfig | null,
): readonly ValueChange[] => valueChanges(variables(from), variables(to))

/** Returns the labels that differ, by key. */
export const labelChanges = (from: ImageConfig | null, to: ImageConfig | null): readonly ValueChange[] =>
  valueChanges(new Map(Object.entries(from?.labels ?? {})), new Map(Object.entries(to?.labels ?? {})))

/** Returns the config fields that differ. */
export const settingChanges = (from: ImageConfig | null, to: ImageConfig | null): readonly SettingChange[] =>
  SETTINGS.map((field) => ({ field, from: settingOf(from, field), to: settingOf(to, field) })).filter(
    (change) => JSON.stringify(change.from) !== JSON.stringify(change.to),
  )

/**
 * Pairs the children of two indexes by platform, in the order of `to`, then those that only `from` has; without
 * attestations. Several images for one platform, such as Windows versions, are paired in their order.
 */
export function pairByPlatform<Child extends { readonly descriptor: Descriptor }>(
  from: readonly Child[],
  to: readonly Child[],
): readonly PlatformPair<Child>[] {
  const unpaired = groupBy(from.filter(isRunnable), keyOfChild)
  const pairs: PlatformPair<Child>[] = to.filter(isRunnable).map((child) => ({
    platform: child.descriptor.platform ?? null,
    from: unpaired.get(keyOfChild(child))?.shift() ?? null,
    to: child,
  }))
  const left = new Set([...unpaired.values()].flat())
  const removed = from.filter((child) => left.has(child))
  return [
    ...pairs,
    ...removed.map((child) => ({ platform: child.descriptor.platform ?? null, from: child, to: null })),
  ]
}

const byDigest = (layers: readonly Descriptor[]): Map<Digest, Descriptor> =>
  new Map(layers.map((layer) => [layer.digest, layer]))

// as for a program, the last one of a name wins
const variables = (config: ImageConfig | null): Map<string, string> =>
  new Map(
    (config?.env ?? []).map((variable) => {
      const equals = variable.indexOf('=')
      return equals < 0
        ? [variable, '']
        : ([variable.slice(0, equals), variable.slice(equals + 1)] as [string, string])
    }),
  )

function valueChanges(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): ValueChange[] {
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .map((key) => ({ key, from: from.get(key) ?? null, to: to.get(key) ?? null }))
    .filter((change) => change.from !== change.to)
}

// an empty list is the same as none
const settingOf = (config: ImageConfig | null, field: ConfigField): ImageConfig[ConfigField] => {
  const value = config?.[field] ?? null
  return Array.isArray(value) && value.length === 0 ? null : value
}

const isRunnable = ({ descriptor }: { readonly descriptor: Descriptor }): boolean => !isAttachment(descriptor)

const keyOfChild = ({ descriptor }: { readonly descriptor: Descriptor }): string => platformKey(descriptor)
