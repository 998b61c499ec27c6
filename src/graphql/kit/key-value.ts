import { builder } from './builder.ts'
import { KeyValueType } from './types.ts'

KeyValueType.implement({
  description: 'A label or an annotation.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Its name, with an optional `prefix/`; unique in its list.' }),
    value: t.exposeString('value', { description: 'Its text; may be empty.' }),
  }),
})

export const KeyValueInput = builder.inputType('KeyValueInput', {
  description: 'A label or an annotation to set, or a label to look for.',
  fields: (t) => ({
    key: t.string({ required: true, description: 'Its name, with an optional `prefix/`.' }),
    value: t.string({ required: true, description: 'Its text; may be empty.' }),
  }),
})
