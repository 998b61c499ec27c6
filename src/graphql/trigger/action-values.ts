import type { NamedValue } from '../../triggers/content/kinds/fields.ts'
import { PLACEHOLDERS } from '../../triggers/content/moved-tag.ts'
import { inputType } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'

const placeholders = PLACEHOLDERS.map((name) => `\`{{ ${name} }}\``).join(', ')

/** Describes texts into which what moved is inserted. */
export const PLACEHOLDER_TEXTS = `Texts can contain ${placeholders}.`

/** Describes a secret: `Token of the project`. */
export const secretOf = (meaning: string): string =>
  `${meaning}: a secret, which is stored sealed and cannot be read. If omitted in an update, it stays as it is, except for another host.`

/** Describes a URL that is a secret. */
export const secretUrlOf = (meaning: string): string =>
  `${meaning}: a secret, which is stored sealed and cannot be read. It is also required in an update of the action.`

export const ActionValueInput = inputType('ActionValueInput', {
  description: 'A variable, an input or a parameter.',
  fields: (t) => ({
    name: t.requiredString('Name of the value, as the receiver declares it.'),
    value: t.requiredString(`Text of at most 4000 characters. ${PLACEHOLDER_TEXTS}`),
  }),
})

export const ActionValueType = objectType<NamedValue>('ActionValue', {
  description: 'A variable, an input or a parameter.',
  properties: (t) => ({
    name: t.string('Name of the value, as the receiver declares it.'),
    value: t.string('Text with its placeholders.'),
  }),
})
