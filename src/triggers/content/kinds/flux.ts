import type { ActionKind } from '../action-kind.ts'
import { binary, movedEvent } from '../cloud-event.ts'
import { checkSecrets } from './fields.ts'
import { hmacOf } from './hmac.ts'
import { checkSecretUrlInput, type SecretUrlInput, type SecretUrlSettings, urlOf } from './secret-url.ts'
import { explainedBy } from './verdicts.ts'

// Source: Flux notification-controller, internal/server/receiver_handlers.go, type generic-hmac.

/** A Receiver of Flux as given. */
export interface FluxInput extends SecretUrlInput {
  /** The token in the Receiver’s secret. Null keeps the one that it has. */
  readonly token?: string | null | undefined
}

const TOKEN = 'token'

const REMEDIES = {
  400: 'the signature is refused: the token must be the one in the Receiver’s secret, and its type generic-hmac',
  404: 'there is no such Receiver: the path is in its status, and changes with its token, name or namespace',
  500: 'a resource of the Receiver could not be annotated: see the log of notification-controller',
  503: 'the Receiver is suspended or not ready',
}

/** Has Flux reconcile the resources of a Receiver. */
export const FLUX: ActionKind<FluxInput, SecretUrlSettings> = {
  check({ token, ...input }, field) {
    const { secrets, neededSecrets, ...checked } = checkSecretUrlInput(input, field)
    return {
      ...checked,
      secrets: { ...secrets, ...checkSecrets({ [TOKEN]: token }, field) },
      neededSecrets: [...neededSecrets, TOKEN],
    }
  },

  request(settings, move, context) {
    const { headers, body } = binary(movedEvent(move, context))
    const signature = { 'x-signature': hmacOf(body, context.secret(TOKEN)) }
    return { method: 'POST', url: urlOf(settings, context), headers: { ...headers, ...signature }, body }
  },

  judge: (response, _settings, failure) => explainedBy(REMEDIES, response, failure),
}
