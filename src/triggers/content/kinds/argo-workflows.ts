import type { ActionKind } from '../action-kind.ts'
import { binary, movedEvent } from '../cloud-event.ts'
import { checkObjectName, checkSecrets, checkText } from './fields.ts'
import { checkBaseUrl } from './receiver-url.ts'
import { explainedBy } from './verdicts.ts'

// Source: Argo Workflows, docs/events.md and swagger.json: POST /api/v1/events/{namespace}/{discriminator}.

/** Workflows of Argo that wait for an event. */
export interface ArgoWorkflowsSettings {
  /** `https://argo.example.org`: the Argo Server. */
  readonly url: string
  /** Namespace of Kubernetes. */
  readonly namespace: string
  /** Empty unless the selectors of bindings use one. */
  readonly discriminator: string
}

/** The same as given. */
export interface ArgoWorkflowsInput extends Omit<ArgoWorkflowsSettings, 'discriminator'> {
  readonly discriminator?: string | null | undefined
  /** An access token of the Argo Server. Null keeps the one that it has. */
  readonly token?: string | null | undefined
}

const TOKEN = 'token'

const REMEDIES = {
  401: 'the token is not valid: give one of a service account',
  403: 'the service account of the token may not create workflows from the template',
  404: 'the URL is of no Argo Server',
  503: 'the Argo Server has too many events in its queue',
}

/** Starts the workflows whose WorkflowEventBinding selects the event: `payload.tag == "latest"`. */
export const ARGO_WORKFLOWS: ActionKind<ArgoWorkflowsInput, ArgoWorkflowsSettings> = {
  check(input, field) {
    const { url, host } = checkBaseUrl(input.url, `${field}.url`)
    const discriminator = input.discriminator ?? ''
    return {
      settings: {
        url,
        namespace: checkObjectName(input.namespace, `${field}.namespace`),
        discriminator: checkText(discriminator, `${field}.discriminator`, {
          pattern: /^[\w.-]{0,100}$/,
          allowed: 'letters, digits, ".", "-" and "_", at most 100',
        }),
      },
      host,
      secrets: checkSecrets({ [TOKEN]: input.token }, field),
      neededSecrets: [TOKEN],
    }
  },

  request({ url, namespace, discriminator }, move, context) {
    const { headers, body } = binary(movedEvent(move, context))
    return {
      method: 'POST',
      // without a discriminator the path ends with a slash
      url: `${url}/api/v1/events/${namespace}/${discriminator}`,
      headers: { ...headers, authorization: `Bearer ${context.secret(TOKEN)}` },
      body,
    }
  },

  judge: (response, _settings, failure) => explainedBy(REMEDIES, response, failure),
}
