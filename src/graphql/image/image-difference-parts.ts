import {
  type LayerDifference,
  SETTINGS,
  type SettingChange,
  sizeOfLayers,
  type ValueChange,
} from '../../imagestream/image/image-difference.ts'
import { ImageLayerType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'

/** The layers of two images. */
export const LayerDifferenceType = objectType<LayerDifference>('LayerDifference', {
  description: 'Layers of two images that are shared or differ. Each layer is counted once.',
  properties: (t) => ({
    shared: t.list(
      ImageLayerType,
      'Layers of both images, the lowest first; at most those of one image. A client that has one image need not pull them again.',
    ),
    removed: t.list(
      ImageLayerType,
      'Layers of `from` that `to` does not have, the lowest first; at most those of `from`.',
    ),
    added: t.list(
      ImageLayerType,
      'Layers of `to` that `from` does not have, the lowest first; at most those of `to`.',
    ),
  }),
  fields: (t) => ({
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
export const ValueChangeType = objectType<ValueChange>('ValueChange', {
  description: 'An environment variable or label that differs between two images.',
  properties: (t) => ({
    key: t.string('Name of the environment variable, or key of the label.'),
    from: t.stringOrNull('Value in `from`; null if only `to` has the variable or label.'),
    to: t.stringOrNull('Value in `to`; null if only `from` has the variable or label.'),
  }),
})

const ImageSettingEnum = enumType('ImageSetting', {
  description: 'A field of `ImageConfig` that `ImageDifference.settings` compares as a whole.',
  values: Object.fromEntries(
    SETTINGS.map((field) => [field, `The field \`${field}\` of \`ImageConfig\`.`]),
  ) as Record<SettingChange['field'], string>,
})

/** Another setting of the config that differs. */
export const SettingChangeType = objectType<SettingChange>('SettingChange', {
  description: 'A setting of the image config that differs between two images.',
  properties: (t) => ({
    field: t.one(ImageSettingEnum, 'Name of the setting.'),
  }),
  fields: (t) => ({
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
