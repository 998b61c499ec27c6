import type { ActionContext, CheckedAction } from '../action-kind.ts'
import { checkSecretUrl } from './receiver-url.ts'

// A receiver whose URL is its secret: settings have the origin, and the rest is sealed.

const URL_SECRET = 'url'

/** A receiver without the secret part of its URL. */
export interface SecretUrlSettings {
  /** `https://hooks.example.org`. */
  readonly origin: string
}

/** The same as given: the whole URL, each time. */
export interface SecretUrlInput {
  readonly url: string
}

/** Takes the URL apart. Throws InvalidInputError. */
export function checkSecretUrlInput(
  { url }: SecretUrlInput,
  field: string,
): CheckedAction<SecretUrlSettings> {
  const { origin, host, secret } = checkSecretUrl(url, `${field}.url`)
  return {
    settings: { origin },
    host,
    secrets: { [URL_SECRET]: secret },
    neededSecrets: [URL_SECRET],
  }
}

/** Returns the whole URL. */
export const urlOf = ({ origin }: SecretUrlSettings, context: ActionContext): string =>
  origin + context.secret(URL_SECRET)
