import { isObject } from '../../../oci/json.ts'
import type { ActionKind } from '../action-kind.ts'
import { binary, movedEvent } from '../cloud-event.ts'
import { checkSecretUrlInput, type SecretUrlInput, type SecretUrlSettings, urlOf } from './secret-url.ts'
import { explainedBy, jsonOf } from './verdicts.ts'

// Source: Kargo, pkg/webhook/external/generic.go and generic_actions.go.

const REMEDIES = {
  400: 'the URL is of a receiver of another type: Kargo needs one of type generic',
  404: 'there is no such receiver: copy its URL from the status of the ProjectConfig',
  500: 'an action of the receiver failed: see the response',
}

/** Refreshes warehouses of Kargo through a generic webhook receiver. */
export const KARGO: ActionKind<SecretUrlInput, SecretUrlSettings> = {
  check: checkSecretUrlInput,

  request(settings, move, context) {
    return { method: 'POST', url: urlOf(settings, context), ...binary(movedEvent(move, context)) }
  },

  judge(response, _settings, failure) {
    if (failure) return explainedBy(REMEDIES, response, failure)
    if (hasRefreshed(jsonOf(response).results)) return {}
    const message =
      'no action of the receiver selected a warehouse: see whenExpression and targetSelectionCriteria in the ProjectConfig'
    return { failure: { kind: 'NEVER', message } }
  },
}

/** Reports whether an action selected something. Receivers of other types have no results: they are taken at their word. */
const hasRefreshed = (results: unknown): boolean =>
  !Array.isArray(results) ||
  results.some((one) => isObject(one) && Array.isArray(one.selectedTargets) && one.selectedTargets.length > 0)
