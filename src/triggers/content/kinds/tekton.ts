import type { ActionKind } from '../action-kind.ts'
import { binary, movedEvent } from '../cloud-event.ts'
import { checkSecrets } from './fields.ts'
import { hmacOf } from './hmac.ts'
import { checkUrl } from './receiver-url.ts'
import { explainedBy } from './verdicts.ts'

// Source: Tekton Triggers, pkg/sink/sink.go and the GitHub interceptor.

/** An EventListener of Tekton. */
export interface TektonSettings {
  readonly url: string
  readonly isSigned: boolean
}

/** The same as given. */
export interface TektonInput {
  readonly url: string
  /** Whether requests are signed for Tekton’s interceptor `github`. False unless a secret is given. */
  readonly isSigned?: boolean | null | undefined
  /** Null keeps the secret that it has. */
  readonly secret?: string | null | undefined
}

const SECRET = 'secret'

const REMEDIES = {
  404: 'the URL is of no EventListener',
  500: 'the EventListener could not read its triggers: see its log',
}

/** Sends a CloudEvent in binary mode: a TriggerBinding finds `$(body.tag)`, and `$(header.ce-id)`. */
export const TEKTON: ActionKind<TektonInput, TektonSettings> = {
  check(input, field) {
    const { url, host } = checkUrl(input.url, `${field}.url`)
    const isSigned = input.isSigned ?? input.secret != null
    return {
      settings: { url, isSigned },
      host,
      secrets: checkSecrets({ [SECRET]: isSigned ? input.secret : null }, field),
      neededSecrets: isSigned ? [SECRET] : [],
    }
  },

  request({ url, isSigned }, move, context) {
    const { headers, body } = binary(movedEvent(move, context))
    const signature = isSigned && { 'x-hub-signature-256': hmacOf(body, context.secret(SECRET)) }
    return { method: 'POST', url, headers: { ...headers, ...signature }, body }
  },

  judge: (response, _settings, failure) => explainedBy(REMEDIES, response, failure),
}
