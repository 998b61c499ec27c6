import { invalid } from '../../../input/errors.ts'
import { isObject } from '../../../oci/json.ts'
import type { ActionKind, OutgoingRequest, ReceiverResponse } from '../action-kind.ts'
import { type MovedTag, textsOf } from '../moved-tag.ts'
import { fillText } from '../template.ts'
import {
  checkMessage,
  checkNamedValues,
  checkObjectName,
  checkSecrets,
  fillValues,
  JSON_TYPE,
  type NamedValue,
} from './fields.ts'
import { checkBaseUrl } from './receiver-url.ts'
import { explainedBy, jsonOf } from './verdicts.ts'

// Source: Argo CD, assets/swagger.json and server/application/application.go.

/** How an application of Argo CD is changed. */
export interface ArgoCdSettings {
  /** `https://argocd.example.org`: the API server. */
  readonly url: string
  readonly application: string
  /** Namespace of the application; null for the one of Argo CD. */
  readonly applicationNamespace: string | null
  /** `name=new`: all images that Kustomize replaces. */
  readonly kustomizeImages: readonly string[]
  /** All parameters that override values of the Helm chart. */
  readonly helmParameters: readonly NamedValue[]
}

/** The same as given. Without images and parameters the application is compared with its source again. */
export interface ArgoCdInput extends Pick<ArgoCdSettings, 'url' | 'application'> {
  readonly applicationNamespace?: string | null | undefined
  readonly kustomizeImages?: readonly string[] | null | undefined
  readonly helmParameters?: readonly NamedValue[] | null | undefined
  /** A token of an account or a project role. Null keeps the one that it has. */
  readonly token?: string | null | undefined
}

const TOKEN = 'token'
const MOST_IMAGES = 50
/** The response is the application, of which etcd holds at most 1.5 MiB, and comes when the refresh has ended. */
const LIMITS = { timeout: 45_000, maxBytes: 2 * 1024 * 1024 }

const PARAMETER_NAMES = {
  most: 50,
  pattern: /^[\w.[\]"\\/-]{1,255}$/,
  allowed: 'the path of a value, as image.tag, at most 255 characters',
}

const REMEDIES = {
  400: 'the application refuses the change: see its conditions in Argo CD',
  401: 'the token is not valid or has expired: give a new one',
  403: 'there is no such application, or the token may not do this: it needs the rights get and update on applications',
  404: 'there is no such application, or the URL is of no Argo CD',
}

/** Sets images or parameters of an application, or has it compared with its source. */
export const ARGO_CD: ActionKind<ArgoCdInput, ArgoCdSettings> = {
  check(input, field) {
    const { url, host } = checkBaseUrl(input.url, `${field}.url`)
    const images = input.kustomizeImages ?? []
    if (images.length > MOST_IMAGES)
      throw invalid(`${field}.kustomizeImages`, `must be at most ${MOST_IMAGES}`)
    const namespace = input.applicationNamespace
    return {
      settings: {
        url,
        application: checkObjectName(input.application, `${field}.application`),
        applicationNamespace:
          namespace == null ? null : checkObjectName(namespace, `${field}.applicationNamespace`),
        kustomizeImages: images.map((image, at) => checkMessage(image, `${field}.kustomizeImages.${at}`)),
        helmParameters: checkNamedValues(
          input.helmParameters ?? [],
          `${field}.helmParameters`,
          PARAMETER_NAMES,
        ),
      },
      host,
      secrets: checkSecrets({ [TOKEN]: input.token }, field),
      neededSecrets: [TOKEN],
    }
  },

  request(settings, move, context) {
    const headers = { ...JSON_TYPE, authorization: `Bearer ${context.secret(TOKEN)}` }
    return { ...changeOf(settings, move), headers, limits: LIMITS }
  },

  judge(response, settings, failure) {
    if (failure) return explainedBy(REMEDIES, response, failure)
    if (isChange(settings) && hasSeveralSources(response)) {
      const message =
        'the application has several sources, of which Argo CD changes none: set the image in Git'
      return { failure: { kind: 'NEVER', message } }
    }
    return { link: `${settings.url}/applications/${settings.application}` }
  },
}

const isChange = ({ kustomizeImages, helmParameters }: ArgoCdSettings): boolean =>
  kustomizeImages.length > 0 || helmParameters.length > 0

/** Returns a merge patch, or else a read that refreshes: it needs only the right to read. */
function changeOf(
  settings: ArgoCdSettings,
  move: MovedTag,
): Pick<OutgoingRequest, 'method' | 'url' | 'body'> {
  const { url, application, applicationNamespace: appNamespace, kustomizeImages, helmParameters } = settings
  const path = `${url}/api/v1/applications/${application}`
  if (!isChange(settings)) {
    const namespace = appNamespace === null ? '' : `&appNamespace=${appNamespace}`
    return { method: 'GET', url: `${path}?refresh=normal${namespace}`, body: '' }
  }
  const texts = textsOf(move)
  const images = kustomizeImages.map((image) => fillText(image, texts))
  const source = {
    ...(images.length > 0 && { kustomize: { images } }),
    ...(helmParameters.length > 0 && { helm: { parameters: fillValues(helmParameters, move) } }),
  }
  const body = {
    name: application,
    ...(appNamespace !== null && { appNamespace }),
    patchType: 'merge',
    patch: JSON.stringify({ spec: { source } }),
  }
  return { method: 'PATCH', url: path, body: JSON.stringify(body) }
}

function hasSeveralSources(response: ReceiverResponse): boolean {
  const { spec } = jsonOf(response)
  return isObject(spec) && Array.isArray(spec.sources) && spec.sources.length > 0
}
