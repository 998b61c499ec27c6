import {
  type LayerDifference,
  SETTINGS,
  type SettingChange,
  sizeOfLayers,
  type ValueChange,
} from '../../imagestream/image/image-difference.ts'
import { builder } from '../kit/builder.ts'
import { ImageLayerType } from '../kit/object-types.ts'

/** The layers of two images. */
export const LayerDifferenceType = builder.objectRef<LayerDifference>('LayerDifference').implement({
  description: 'Layers of two images that are shared or differ. Each layer is counted once.',
  fields: (t) => ({
    shared: t.field({
      type: [ImageLayerType],
      description:
        'Layers of both images, the lowest first. A client that has one image need not pull them again.',
      resolve: ({ shared }) => shared,
    }),
    removed: t.field({
      type: [ImageLayerType],
      description: 'Layers of `from` that `to` does not have, the lowest first.',
      resolve: ({ removed }) => removed,
    }),
    added: t.field({
      type: [ImageLayerType],
      description: 'Layers of `to` that `from` does not have, the lowest first.',
      resolve: ({ added }) => added,
    }),
    sharedSize: t.field({
      type: 'BigInt',
      description: 'Total size of the shared layers in bytes, as stored in the registry.',
      resolve: ({ shared }) => sizeOfLayers(shared),
    }),
    removedSize: t.field({
      type: 'BigInt',
      description:
        'Total size in bytes of the layers of `from` that `to` does not have, as stored in the registry.',
      resolve: ({ removed }) => sizeOfLayers(removed),
    }),
    addedSize: t.field({
      type: 'BigInt',
      description:
        'Total size in bytes of the layers of `to` that `from` does not have, as stored in the registry: the amount that a client with `from` must pull.',
      resolve: ({ added }) => sizeOfLayers(added),
    }),
  }),
})

/** A variable or label that differs between two images. */
export const ValueChangeType = builder.objectRef<ValueChange>('ValueChange').implement({
  description: 'An environment variable or label that differs between two images.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Name of the environment variable, or key of the label.' }),
    from: t.exposeString('from', {
      nullable: true,
      description: 'Value in `from`; null if only `to` has the variable or label.',
    }),
    to: t.exposeString('to', {
      nullable: true,
      description: 'Value in `to`; null if only `from` has the variable or label.',
    }),
  }),
})

const ImageSettingEnum = builder.enumType('ImageSetting', {
  description: 'A field of `ImageConfig` that `ImageDifference.settings` compares as a whole.',
  values: Object.fromEntries(
    SETTINGS.map((field) => [
      field,
      { value: field, description: `The field \`${field}\` of \`ImageConfig\`.` },
    ]),
  ) as Record<SettingChange['field'], { value: SettingChange['field']; description: string }>,
})

/** Another setting of the config that differs. */
export const SettingChangeType = builder.objectRef<SettingChange>('SettingChange').implement({
  description: 'A setting of the image config that differs between two images.',
  fields: (t) => ({
    field: t.field({
      type: ImageSettingEnum,
      description: 'Name of the setting.',
      resolve: ({ field }) => field,
    }),
    from: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'Value in `from`, a string or a list of strings; null if `from` does not declare the setting.',
      resolve: ({ from }) => from,
    }),
    to: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Value in `to`, a string or a list of strings; null if `to` does not declare the setting.',
      resolve: ({ to }) => to,
    }),
  }),
})
