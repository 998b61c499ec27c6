import type { ArgoCdSettings } from '../../triggers/content/kinds/argo-cd.ts'
import type { SecretUrlSettings } from '../../triggers/content/kinds/secret-url.ts'
import { inputType } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import {
  ActionValueInput,
  ActionValueType,
  PLACEHOLDER_TEXTS,
  secretOf,
  secretUrlOf,
} from './action-values.ts'

// Servers that deploy.

const ARGO_CD = {
  url: 'URL of Argo CD.',
  application: 'Name of the application.',
  kustomizeImages:
    'Images that Kustomize replaces, at most 50: `ghcr.io/acme/app={{ dockerImageReference }}`. They replace all that the application has.',
  helmParameters:
    'Parameters that override values of the Helm chart, at most 50. They replace all that the application has.',
} as const

export const ArgoCdActionInput = inputType('ArgoCdActionInput', {
  description:
    'A change of an application of Argo CD. Without images and parameters it is compared with its source again.',
  fields: (t) => ({
    url: t.requiredString(ARGO_CD.url),
    application: t.requiredString(ARGO_CD.application),
    applicationNamespace: t.string(
      'Namespace of the application in Kubernetes; the default is the one of Argo CD.',
    ),
    kustomizeImages: t.strings(`${ARGO_CD.kustomizeImages} ${PLACEHOLDER_TEXTS}`),
    helmParameters: t.list(ActionValueInput, ARGO_CD.helmParameters),
    token: t.string(secretOf('Token of a project role or an account')),
  }),
})

export const ArgoCdActionType = objectType<ArgoCdSettings>('ArgoCdAction', {
  description: 'A change of an application of Argo CD, without its token.',
  properties: (t) => ({
    url: t.string(ARGO_CD.url),
    application: t.string(ARGO_CD.application),
    applicationNamespace: t.stringOrNull('Namespace of the application; null for the one of Argo CD.'),
    kustomizeImages: t.strings(ARGO_CD.kustomizeImages),
    helmParameters: t.list(ActionValueType, ARGO_CD.helmParameters),
  }),
})

export const KargoActionInput = inputType('KargoActionInput', {
  description: 'A refresh of warehouses of Kargo through a webhook receiver of the type generic.',
  fields: (t) => ({
    url: t.requiredString(secretUrlOf('URL of the receiver, from the status of the ProjectConfig')),
  }),
})

export const KargoActionType = objectType<SecretUrlSettings>('KargoAction', {
  description: 'A refresh of warehouses of Kargo, without the secret part of the URL.',
  properties: (t) => ({ origin: t.string('Scheme and host of the receiver.') }),
})

export const FluxActionInput = inputType('FluxActionInput', {
  description: 'A reconciliation by Flux through a Receiver of the type generic-hmac.',
  fields: (t) => ({
    url: t.requiredString(secretUrlOf('URL of the Receiver, with the path in its status')),
    token: t.string(secretOf('Token in the secret of the Receiver')),
  }),
})

export const FluxActionType = objectType<SecretUrlSettings>('FluxAction', {
  description: 'A reconciliation by Flux, without its token and the secret part of the URL.',
  properties: (t) => ({ origin: t.string('Scheme and host of the Receiver.') }),
})
