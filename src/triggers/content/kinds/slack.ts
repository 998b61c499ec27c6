import type { ActionKind, ReceiverResponse } from '../action-kind.ts'
import type { Failure } from '../answer.ts'
import { textsOf } from '../moved-tag.ts'
import { fillText } from '../template.ts'
import { JSON_TYPE } from './fields.ts'
import { checkMessageInput, type MessageInput, type MessageSettings } from './message.ts'
import { urlOf } from './secret-url.ts'

// Source: docs.slack.dev, "Sending messages using incoming webhooks", and "Changes to errors for incoming webhooks".

const GONE = 'create a new incoming webhook, and give its URL'

/** What the words of a response mean: whether the webhook is gone, and what to do. */
const WORDS: Readonly<Record<string, { readonly isGone: boolean; readonly remedy: string }>> = {
  no_service: { isGone: true, remedy: `the webhook was removed or disabled: ${GONE}` },
  no_service_id: { isGone: true, remedy: `the URL is not complete: ${GONE}` },
  no_team: { isGone: true, remedy: `the workspace is gone: ${GONE}` },
  team_disabled: { isGone: true, remedy: `the workspace is disabled: ${GONE}` },
  invalid_token: { isGone: true, remedy: `the URL is not valid any more: ${GONE}` },
  channel_not_found: { isGone: true, remedy: `the channel was deleted: ${GONE}` },
  channel_is_archived: { isGone: true, remedy: `the channel is archived: ${GONE}, or unarchive it` },
  action_prohibited: { isGone: false, remedy: 'an admin of the workspace has restricted webhooks' },
  posting_to_general_channel_denied: { isGone: false, remedy: 'an admin has restricted posts to #general' },
  invalid_payload: { isGone: false, remedy: 'Slack cannot read the message: change text' },
  no_text: { isGone: false, remedy: 'the message is empty: change text' },
  invalid_blocks: { isGone: false, remedy: 'Slack cannot show the message: change text' },
}

/** Posts a message to a channel of Slack. */
export const SLACK: ActionKind<MessageInput, MessageSettings> = {
  check: checkMessageInput(
    '*{{ namespace }}/{{ imageStream }}:{{ tag }}* points to another image: `{{ dockerImageReference }}`',
  ),

  request(settings, move, context) {
    const text = fillText(settings.text, textsOf(move))
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: shortened(text) } }]
    return {
      method: 'POST',
      url: urlOf(settings, context),
      headers: JSON_TYPE,
      body: JSON.stringify({ text, blocks }),
    }
  },

  judge: (response, _settings, failure) => (failure ? { failure: explain(response, failure) } : {}),
}

/** Characters of a section. Source: Block Kit, section block. */
const MAX_SECTION = 3_000

const shortened = (text: string): string =>
  text.length > MAX_SECTION ? `${text.slice(0, MAX_SECTION - 1)}…` : text

function explain({ text }: ReceiverResponse, failure: Failure): Failure {
  const word = text.trim()
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
  if (!known) return failure
  const message = `${failure.message}: "${word}": ${known.remedy}`
  return { kind: known.isGone ? 'GONE' : 'NEVER', message }
}
