import { builder } from './builder.ts'
import { KeyValueType } from './object-types.ts'

KeyValueType.implement({
  description: 'A label or an annotation.',
  fields: (t) => ({
    key: t.exposeString('key', {
      description: 'Key of the label or annotation, with an optional `prefix/`; unique in the list.',
    }),
    value: t.exposeString('value', { description: 'Value of the label or annotation; may be empty.' }),
  }),
})

export const KeyValueInput = builder.inputType('KeyValueInput', {
  description: 'A label or an annotation to set, or a label to filter by.',
  fields: (t) => ({
    key: t.string({
      required: true,
      description: 'Key of the label or annotation, with an optional `prefix/`.',
    }),
    value: t.string({ required: true, description: 'Value of the label or annotation; may be empty.' }),
  }),
})
