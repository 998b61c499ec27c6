import { invalid } from '../../input/errors.ts'
import type { ActionInput } from '../../triggers/content/actions.ts'
import { PLACEHOLDERS } from '../../triggers/content/moved-tag.ts'
import { inputType } from '../kit/inputs.ts'
import { HttpFormatEnum, SignatureEnum } from './trigger-action.ts'

const placeholders = PLACEHOLDERS.map((name) => `\`{{ ${name} }}\``).join(', ')

const HttpHeaderInput = inputType('HttpHeaderInput', {
  description: 'A header of a request.',
  fields: (t) => ({
    name: t.requiredString('Name of the header, for example `Authorization`.'),
    value: t.string(
      'Value of the header: a secret, which is stored sealed and cannot be read. If omitted in an update, the value stays as it is.',
    ),
  }),
})

const HttpActionInput = inputType('HttpActionInput', {
  description: 'A request to any URL.',
  fields: (t) => ({
    url: t.requiredString('URL, `https:` or `http:`, without user name and password.'),
    format: t.field({
      type: HttpFormatEnum,
      required: true,
      defaultValue: 'CLOUD_EVENT',
      description: 'Format of the body; the default is `CLOUD_EVENT`.',
    }),
    template: t.string(
      `JSON text of the body for the format \`TEMPLATE\`, and only for it. Its texts can contain ${placeholders}.`,
    ),
    signature: t.field({
      type: SignatureEnum,
      required: true,
      defaultValue: 'SECRET',
      description: 'Signature of the request; the default is `SECRET`.',
    }),
    secret: t.string(
      'Secret of the signature `SECRET`: base64 of 24 to 64 bytes, with or without `whsec_`. If omitted, the server makes one, which the payload contains.',
    ),
    headers: t.list(HttpHeaderInput, 'Further headers, at most 20.'),
  }),
})

/** The action that a trigger does: one of its kinds. */
export const TriggerActionInput = inputType('TriggerActionInput', {
  description: 'What a trigger does. Exactly one field must be given.',
  fields: (t) => ({
    http: t.one(HttpActionInput, 'A request to any URL.'),
  }),
})

/** Returns the action that is given. Throws InvalidInputError unless it is exactly one. */
export function actionOf(given: typeof TriggerActionInput.$inferInput): ActionInput {
  const actions: ActionInput[] = []
  if (given.http) actions.push({ kind: 'HTTP', input: given.http })
  const [action, another] = actions
  if (!action || another) {
    throw invalid('action', `must have exactly one of the fields ${FIELDS.join(', ')}`)
  }
  return action
}

const FIELDS = ['http']
