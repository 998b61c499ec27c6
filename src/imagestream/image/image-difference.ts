import { groupBy } from '../../input/group-by.ts'
import { type Descriptor, isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ImageConfig } from '../../oci/image-config.ts'
import { formatPlatform, type Platform } from '../../oci/platform.ts'

/** Layers, each once, the lowest first; shared ones in the order of the image that is compared to. */
export interface LayerDifference {
  readonly shared: readonly Descriptor[]
  readonly removed: readonly Descriptor[]
  readonly added: readonly Descriptor[]
}

/** Something with a name: a variable of the environment, a label. Null where the image does not have it. */
export interface ValueChange {
  readonly key: string
  readonly from: string | null
  readonly to: string | null
}

/** What of a config is one value, or one list. */
export const SETTINGS = [
  'user',
  'workingDir',
  'entrypoint',
  'cmd',
  'exposedPorts',
  'volumes',
  'stopSignal',
] as const
export type Setting = (typeof SETTINGS)[number]

export interface SettingChange {
  readonly field: Setting
  readonly from: ImageConfig[Setting]
  readonly to: ImageConfig[Setting]
}

/** An index's child, or a single image, for one platform; of a pair at least one side is there. */
export interface PlatformPair<Child> {
  readonly platform: Platform | null
  readonly from: Child | null
  readonly to: Child | null
}

export function layerDifference(from: readonly Descriptor[], to: readonly Descriptor[]): LayerDifference {
  const before = byDigest(from)
  const after = byDigest(to)
  return {
    shared: [...after.values()].filter(({ digest }) => before.has(digest)),
    removed: [...before.values()].filter(({ digest }) => !after.has(digest)),
    added: [...after.values()].filter(({ digest }) => !before.has(digest)),
  }
}

/** Bytes of these layers as they are stored, each of which is there once. */
export const sizeOfLayers = (layers: readonly Descriptor[]): number =>
  layers.reduce((sum, { size }) => sum + size, 0)

/** The variables that are different, by name. */
export const environmentChanges = (
  from: ImageConfig | null,
  to: ImageConfig | null,
): readonly ValueChange[] => valueChanges(variables(from), variables(to))

/** The labels that are different, by key. */
export const labelChanges = (from: ImageConfig | null, to: ImageConfig | null): readonly ValueChange[] =>
  valueChanges(new Map(Object.entries(from?.labels ?? {})), new Map(Object.entries(to?.labels ?? {})))

export const settingChanges = (from: ImageConfig | null, to: ImageConfig | null): readonly SettingChange[] =>
  SETTINGS.map((field) => ({ field, from: settingOf(from, field), to: settingOf(to, field) })).filter(
    (change) => JSON.stringify(change.from) !== JSON.stringify(change.to),
  )

/**
 * Pairs what runs on the same platform, in the order of `to` and then what only `from` has; attestations are left out.
 * An index may list several images for one platform, Windows versions for one: the first is paired with the first.
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

// as a program sees it: the last one of a name wins
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

// a list that is empty and one that is not there mean the same
const settingOf = (config: ImageConfig | null, field: Setting): ImageConfig[Setting] => {
  const value = config?.[field] ?? null
  return Array.isArray(value) && value.length === 0 ? null : value
}

const isRunnable = ({ descriptor }: { readonly descriptor: Descriptor }): boolean => !isAttachment(descriptor)

const keyOfChild = ({ descriptor }: { readonly descriptor: Descriptor }): string => platformKey(descriptor)

/**
 * The same for what runs on the same platform; empty where none is named.
 * Source: containerd/platforms, Normalize: what an index and an image's config may spell differently.
 */
export const platformKey = ({ platform }: { readonly platform?: Platform | undefined }): string => {
  if (!platform) return ''
  const { os, architecture, variant } = platform
  const implied = architecture === 'arm' ? 'v7' : architecture === 'arm64' ? 'v8' : 'v1'
  return formatPlatform({
    os,
    architecture,
    ...(variant !== undefined && variant !== implied && { variant }),
  })
}
