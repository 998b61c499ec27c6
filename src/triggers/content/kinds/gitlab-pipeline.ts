import type { ActionKind } from '../action-kind.ts'
import {
  checkNamedValues,
  checkSecrets,
  checkText,
  FORM,
  fillValues,
  formOf,
  type NamedValue,
} from './fields.ts'
import { checkGitRef } from './git-ref.ts'
import { checkBaseUrl } from './receiver-url.ts'
import { explainedBy, jsonOf, linkOf } from './verdicts.ts'

// Source: GitLab, lib/api/ci/triggers.rb: POST /projects/:id/trigger/pipeline.

/** A pipeline of GitLab. */
export interface GitLabPipelineSettings {
  /** `https://gitlab.com`, or the URL of another server. */
  readonly url: string
  /** `group/project`, or the number of the project. */
  readonly project: string
  readonly ref: string
  readonly variables: readonly NamedValue[]
}

/** The same as given. */
export interface GitLabPipelineInput extends Pick<GitLabPipelineSettings, 'project'> {
  readonly url?: string | null | undefined
  /** `main` unless given. */
  readonly ref?: string | null | undefined
  /** `IMAGE_VARIABLES` unless given. */
  readonly variables?: readonly NamedValue[] | null | undefined
  /** A pipeline trigger token. Null keeps the one that it has. */
  readonly token?: string | null | undefined
}

const TOKEN = 'token'

/** Variables of a pipeline that declares none. */
const IMAGE_VARIABLES: readonly NamedValue[] = [
  { name: 'IMAGE', value: '{{ dockerImageReference }}' },
  { name: 'IMAGE_STREAM', value: '{{ namespace }}/{{ imageStream }}' },
  { name: 'IMAGE_TAG', value: '{{ tag }}' },
  { name: 'IMAGE_DIGEST', value: '{{ digest }}' },
]

const VARIABLE_NAMES = {
  most: 50,
  pattern: /^[A-Za-z_]\w{0,254}$/,
  allowed: 'the name of a variable: letters, digits and "_", at most 255',
}

const REMEDIES = {
  400: 'the ref must exist and have a .gitlab-ci.yml with a job for triggers, and the owner of the token must be allowed to set variables',
  401: 'the token is not valid: create a pipeline trigger token in the settings of the project',
  403: 'the owner of the token may not run pipelines on this ref',
  404: 'there is no such project, or the token is of another one: create a pipeline trigger token in its settings',
}

/** Starts a pipeline by a trigger token. */
export const GITLAB_PIPELINE: ActionKind<GitLabPipelineInput, GitLabPipelineSettings> = {
  check(input, field) {
    const { url, host } = checkBaseUrl(input.url ?? 'https://gitlab.com', `${field}.url`)
    return {
      settings: {
        url,
        project: checkText(input.project, `${field}.project`, {
          pattern: /^(?:\d{1,20}|(?:[A-Za-z0-9_][\w.-]*\/)+[A-Za-z0-9_][\w.-]*)$/,
          allowed: 'the path of a project with its groups, as group/project, or its number',
        }),
        ref: checkGitRef(input.ref ?? 'main', `${field}.ref`),
        variables: checkNamedValues(input.variables ?? IMAGE_VARIABLES, `${field}.variables`, VARIABLE_NAMES),
      },
      host,
      secrets: checkSecrets({ [TOKEN]: input.token }, field),
      neededSecrets: [TOKEN],
    }
  },

  request: ({ url, project, ref, variables }, move, context) => ({
    method: 'POST',
    url: `${url}/api/v4/projects/${encodeURIComponent(project)}/trigger/pipeline`,
    headers: FORM,
    body: formOf([
      { name: 'token', value: context.secret(TOKEN) },
      { name: 'ref', value: ref },
      ...fillValues(variables, move).map(({ name, value }) => ({ name: `variables[${name}]`, value })),
    ]),
  }),

  judge: (response, _settings, failure) =>
    failure ? explainedBy(REMEDIES, response, failure) : { link: linkOf(jsonOf(response).web_url) },
}
