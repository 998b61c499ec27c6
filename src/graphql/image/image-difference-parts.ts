import {
  type LayerDifference,
  SETTINGS,
  type SettingChange,
  sizeOfLayers,
  type ValueChange,
} from '../../imagestream/image/image-difference.ts'
import { builder } from '../kit/builder.ts'
import { ImageLayerType } from '../kit/object-types.ts'

/** Which layers two images share. */
export const LayerDifferenceType = builder.objectRef<LayerDifference>('LayerDifference').implement({
  description: 'The layers of two images, each counted once.',
  fields: (t) => ({
    shared: t.field({
      type: [ImageLayerType],
      description: 'Layers that both have, the lowest first: what need not be pulled again.',
      resolve: ({ shared }) => shared,
    }),
    removed: t.field({
      type: [ImageLayerType],
      description: 'Layers that only `from` has, the lowest first.',
      resolve: ({ removed }) => removed,
    }),
    added: t.field({
      type: [ImageLayerType],
      description: 'Layers that only `to` has, the lowest first.',
      resolve: ({ added }) => added,
    }),
    sharedSize: t.field({
      type: 'BigInt',
      description: 'Bytes of the shared layers, as they are stored.',
      resolve: ({ shared }) => sizeOfLayers(shared),
    }),
    removedSize: t.field({
      type: 'BigInt',
      description: 'Bytes of the layers that only `from` has, as they are stored.',
      resolve: ({ removed }) => sizeOfLayers(removed),
    }),
    addedSize: t.field({
      type: 'BigInt',
      description:
        'Bytes of the layers that only `to` has, as they are stored: what who has `from` must pull.',
      resolve: ({ added }) => sizeOfLayers(added),
    }),
  }),
})

/** A variable or label that differs. */
export const ValueChangeType = builder.objectRef<ValueChange>('ValueChange').implement({
  description: 'A variable or label that two images do not have alike.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Name of the variable, or key of the label.' }),
    from: t.exposeString('from', {
      nullable: true,
      description: 'Its value in `from`; null where it was added.',
    }),
    to: t.exposeString('to', {
      nullable: true,
      description: 'Its value in `to`; null where it was removed.',
    }),
  }),
})

const ImageSettingEnum = builder.enumType('ImageSetting', {
  description: 'What of an image’s config is one value or list: fields of `ImageConfig`.',
  values: Object.fromEntries(
    SETTINGS.map((field) => [
      field,
      { value: field, description: `The field \`${field}\` of \`ImageConfig\`.` },
    ]),
  ) as Record<SettingChange['field'], { value: SettingChange['field']; description: string }>,
})

/** Another part of a config that differs. */
export const SettingChangeType = builder.objectRef<SettingChange>('SettingChange').implement({
  description: 'How two images are run differently.',
  fields: (t) => ({
    field: t.field({
      type: ImageSettingEnum,
      description: 'What is different.',
      resolve: ({ field }) => field,
    }),
    from: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What `from` says: text, or a list of texts; null where it says nothing.',
      resolve: ({ from }) => from,
    }),
    to: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What `to` says: text, or a list of texts; null where it says nothing.',
      resolve: ({ to }) => to,
    }),
  }),
})
