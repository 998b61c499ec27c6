import type { MessageSettings } from '../../triggers/content/kinds/message.ts'
import { inputType } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { PLACEHOLDER_TEXTS, secretUrlOf } from './action-values.ts'

// Messages in channels.

const TEXT = `Text of the message, at most 4000 characters. ${PLACEHOLDER_TEXTS} The default is a sentence about the tag.`

export const SlackActionInput = inputType('SlackActionInput', {
  description: 'A message in a channel of Slack.',
  fields: (t) => ({
    url: t.requiredString(secretUrlOf('URL of an incoming webhook')),
    text: t.string(TEXT),
  }),
})

export const SlackActionType = objectType<MessageSettings>('SlackAction', {
  description: 'A message in a channel of Slack, without the secret part of the URL.',
  properties: (t) => ({
    origin: t.string('Scheme and host of the webhook.'),
    text: t.string('Text of the message with its placeholders.'),
  }),
})

export const TeamsActionInput = inputType('TeamsActionInput', {
  description: 'A message in a channel of Microsoft Teams, through a workflow.',
  fields: (t) => ({
    url: t.requiredString(secretUrlOf('URL of a workflow that begins with a Teams webhook request')),
    text: t.string(TEXT),
  }),
})

export const TeamsActionType = objectType<MessageSettings>('TeamsAction', {
  description: 'A message in a channel of Microsoft Teams, without the secret part of the URL.',
  properties: (t) => ({
    origin: t.string('Scheme and host of the workflow.'),
    text: t.string('Text of the message with its placeholders.'),
  }),
})
