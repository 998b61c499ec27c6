import type { ActionKind } from '../action-kind.ts'
import { type MovedTag, textsOf } from '../moved-tag.ts'
import { fillText } from '../template.ts'
import { JSON_TYPE } from './fields.ts'
import { checkMessageInput, type MessageInput, type MessageSettings } from './message.ts'
import { urlOf } from './secret-url.ts'
import { explained } from './verdicts.ts'

// Source: learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft Teams"; adaptivecards.io, schema 1.4.

const REMEDIES: Readonly<Record<number, string>> = {
  400: 'the workflow cannot read the message, or is switched off: it must begin with "When a Teams webhook request is received"',
  401: 'the signature in the URL is not valid, or the workflow does not accept requests of anyone: copy the URL again',
  404: 'the workflow was deleted: create a new one, and give its URL',
}

/** How an old connector, which is no workflow, reports a failure with status 200. */
const CONNECTOR_FAILURE = /^(?:Webhook message delivery failed|System\.\w|Summary or Text is required)/

/** Posts a card to a channel of Microsoft Teams through a workflow. */
export const TEAMS: ActionKind<MessageInput, MessageSettings> = {
  check: checkMessageInput('**{{ namespace }}/{{ imageStream }}:{{ tag }}** points to another image.'),

  request: (settings, move, context) => ({
    method: 'POST',
    url: urlOf(settings, context),
    headers: JSON_TYPE,
    body: JSON.stringify({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: cardOf(fillText(settings.text, textsOf(move)), move),
        },
      ],
    }),
  }),

  judge({ status, text }, _settings, failure) {
    if (failure) return { failure: explained(failure, undefined, REMEDIES[status]) }
    if (!CONNECTOR_FAILURE.test(text)) return {}
    const message = 'the connector could not post the message: replace it by a workflow'
    return { failure: { kind: 'LATER', message } }
  },
}

/** Returns an Adaptive Card: the text, and what moved. */
const cardOf = (text: string, { digest, previousDigest, dockerImageReference }: MovedTag): object => ({
  $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
  type: 'AdaptiveCard',
  version: '1.4',
  body: [
    { type: 'TextBlock', text, wrap: true },
    {
      type: 'FactSet',
      facts: [
        { title: 'Image', value: dockerImageReference },
        { title: 'Digest', value: digest },
        ...(previousDigest ? [{ title: 'Before', value: previousDigest }] : []),
      ],
    },
  ],
})
