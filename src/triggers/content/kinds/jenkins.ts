import { isObject } from '../../../oci/json.ts'
import type { ActionContext, ActionKind, ReceiverResponse } from '../action-kind.ts'
import {
  checkNamedValues,
  checkSecrets,
  checkText,
  FORM,
  fillValues,
  formOf,
  type NamedValue,
} from './fields.ts'
import { checkBaseUrl } from './receiver-url.ts'
import { explainedBy, jsonOf, linkOf } from './verdicts.ts'

// Source: Jenkins, ParameterizedJobMixIn.doBuild and doBuildWithParameters, Queue.LeftItem.

/** A build of a Jenkins job. */
export interface JenkinsSettings {
  /** `https://jenkins.example.org`, with the path of Jenkins if it has one. */
  readonly url: string
  /** `team/app`: the job with its folders. */
  readonly job: string
  /** Name of the user whose API token is used. */
  readonly user: string
  readonly parameters: readonly NamedValue[]
}

/** The same as given. */
export interface JenkinsInput extends Omit<JenkinsSettings, 'parameters'> {
  /** None unless given: Jenkins ignores those that the job does not declare. */
  readonly parameters?: readonly NamedValue[] | null | undefined
  /** An API token of the user. Null keeps the one that it has. */
  readonly token?: string | null | undefined
}

const TOKEN = 'token'
const QUEUE_ITEM = /\/queue\/item\/(\d{1,18})\/?$/

const PARAMETER_NAMES = {
  most: 50,
  pattern: /^[\w.-]{1,255}$/,
  allowed: 'the name of a parameter: letters, digits, ".", "-" and "_", at most 255',
}

const REMEDIES = {
  401: 'the user or the API token is wrong: create an API token on the security page of the user',
  403: 'the user may not build the job, or a password was given instead of an API token',
  404: 'there is no such job, or the user may not see it: a job in folders is written as folder/job',
  409: 'the job is disabled',
}

/** Starts a build, and finds it when it leaves the queue. */
export const JENKINS: ActionKind<JenkinsInput, JenkinsSettings> = {
  check(input, field) {
    const { url, host } = checkBaseUrl(input.url, `${field}.url`)
    return {
      settings: {
        url,
        job: checkText(input.job, `${field}.job`, {
          pattern:
            /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?:(?:[\p{L}\p{N} ._+@()~-]|%2F)+\/)*(?:[\p{L}\p{N} ._+@()~-]|%2F)+$/u,
          allowed: 'a job with its folders, as folder/job; "%2F" is a slash in the name of a branch',
        }),
        user: checkText(input.user, `${field}.user`, {
          pattern: /^[^\p{Cc}:]{1,255}$/u,
          allowed: 'the name of a user: 1 to 255 characters without ":"',
        }),
        parameters: checkNamedValues(input.parameters ?? [], `${field}.parameters`, PARAMETER_NAMES),
      },
      host,
      secrets: checkSecrets({ [TOKEN]: input.token }, field),
      neededSecrets: [TOKEN],
    }
  },

  request(settings, move, context) {
    const { url, job, parameters } = settings
    const path = job.split('/').map((name) => `/job/${encodeURIComponent(name)}`)
    const how = parameters.length > 0 ? 'buildWithParameters' : 'build'
    return {
      method: 'POST',
      url: `${url}${path.join('')}/${how}`,
      headers: { ...FORM, ...authorization(settings, context) },
      body: formOf(fillValues(parameters, move)),
    }
  },

  judge(response, settings, failure) {
    const item = queueItemOf(response)
    // 303: an equal build waits in the queue already
    if (item !== undefined && (!failure || response.status === 303)) {
      return { failure: null, follow: `${settings.url}/queue/item/${item}/api/json` }
    }
    const hasParameters = settings.parameters.length > 0
    const wrongWay = hasParameters
      ? 'the job has no parameters: leave parameters out'
      : 'the job has parameters: give parameters'
    return explainedBy({ ...REMEDIES, 400: wrongWay, 500: wrongWay }, response, failure)
  },

  followRequest: (settings, url, context) => ({
    method: 'GET',
    url,
    headers: authorization(settings, context),
    body: '',
  }),

  followed(response) {
    const { executable, cancelled } = jsonOf(response)
    const link = isObject(executable) ? linkOf(executable.url) : null
    // Jenkins keeps items for five minutes after they have left the queue
    return { link, isFinal: link !== null || cancelled === true || response.status === 404 }
  },
}

function authorization({ user }: JenkinsSettings, context: ActionContext): Record<string, string> {
  const credentials = Buffer.from(`${user}:${context.secret(TOKEN)}`).toString('base64')
  return { authorization: `Basic ${credentials}` }
}

/** Returns the number of the item in the queue; its host is not used: credentials are sent to the host of the settings only. */
function queueItemOf({ headers: { location } }: ReceiverResponse): string | undefined {
  return QUEUE_ITEM.exec(typeof location === 'string' ? location : '')?.[1]
}
