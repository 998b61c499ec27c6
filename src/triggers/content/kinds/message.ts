import type { CheckedAction } from '../action-kind.ts'
import { checkMessage } from './fields.ts'
import { checkSecretUrlInput, type SecretUrlInput, type SecretUrlSettings } from './secret-url.ts'

// A message in a channel, posted to a URL that is a secret.

/** A message without the secret part of its URL. */
export interface MessageSettings extends SecretUrlSettings {
  /** May contain placeholders. */
  readonly text: string
}

/** The same as given. */
export interface MessageInput extends SecretUrlInput {
  /** A sentence about the move unless given. */
  readonly text?: string | null | undefined
}

/** Returns the check of a kind whose text is `standard` unless another is given. */
export const checkMessageInput =
  (standard: string) =>
  ({ text, ...input }: MessageInput, field: string): CheckedAction<MessageSettings> => {
    const { settings, ...checked } = checkSecretUrlInput(input, field)
    return { ...checked, settings: { ...settings, text: checkMessage(text ?? standard, `${field}.text`) } }
  }
