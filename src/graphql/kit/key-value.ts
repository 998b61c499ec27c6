import { inputType } from './inputs.ts'
import { KeyValueType } from './references.ts'
import { objectType } from './types.ts'

objectType(KeyValueType, {
  description: 'A label or an annotation.',
  properties: (t) => ({
    key: t.string('Key of the label or annotation, with an optional `prefix/`; unique in the list.'),
    value: t.string('Value of the label or annotation; may be empty.'),
  }),
})

export const KeyValueInput = inputType('KeyValueInput', {
  description: 'A label or an annotation to set, or a label to filter by.',
  fields: (t) => ({
    key: t.requiredString('Key of the label or annotation, with an optional `prefix/`.'),
    value: t.requiredString('Value of the label or annotation; may be empty.'),
  }),
})
