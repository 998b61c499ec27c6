import type { ActionKind } from '../action-kind.ts'
import { checkNamedValues, checkText, fillValues, type NamedValue } from './fields.ts'
import { checkGitRef } from './git-ref.ts'
import {
  actionsPage,
  checkGitHub,
  GITHUB_REMEDIES,
  type GitHubInput,
  type GitHubRepository,
  gitHubRequest,
  PUBLIC_API,
} from './github.ts'
import { explainedBy, jsonOf, linkOf } from './verdicts.ts'

// Source: GitHub REST API, POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches.

/** A run of one workflow of GitHub. */
export interface GitHubWorkflowDispatchSettings extends GitHubRepository {
  /** `build.yml`, or the number of the workflow. */
  readonly workflow: string
  /** Branch or tag whose workflow is run. */
  readonly ref: string
  readonly inputs: readonly NamedValue[]
}

/** The same as given. */
export interface GitHubWorkflowDispatchInput extends GitHubInput {
  readonly workflow: string
  /** `main` unless given. */
  readonly ref?: string | null | undefined
  /** None unless given: the workflow has to declare each of them. */
  readonly inputs?: readonly NamedValue[] | null | undefined
}

const INPUT_NAMES = {
  most: 25,
  pattern: /^[A-Za-z_][\w-]{0,99}$/,
  allowed: 'the name of an input: letters, digits, "-" and "_", at most 100',
}

const REMEDIES = {
  ...GITHUB_REMEDIES,
  404: 'there is no such repository or workflow, or the token may not see it: it needs the right to write actions',
  422: 'the ref must exist, its workflow must have "on: workflow_dispatch", and must declare each input',
}

/** Starts one workflow with `on: workflow_dispatch`. */
export const GITHUB_WORKFLOW_DISPATCH: ActionKind<
  GitHubWorkflowDispatchInput,
  GitHubWorkflowDispatchSettings
> = {
  check({ workflow, ref, inputs, ...input }, field) {
    const { settings, ...checked } = checkGitHub(input, field)
    return {
      ...checked,
      settings: {
        ...settings,
        workflow: checkText(workflow, `${field}.workflow`, {
          pattern: /^(?:\d{1,20}|[\w. -]{1,100}\.ya?ml)$/,
          allowed: 'the name of a file in .github/workflows, as build.yml, or the number of a workflow',
        }),
        ref: checkGitRef(ref ?? 'main', `${field}.ref`),
        inputs: checkNamedValues(inputs ?? [], `${field}.inputs`, INPUT_NAMES),
      },
    }
  },

  request(settings, move, context) {
    const { workflow, ref, inputs, url } = settings
    const values = fillValues(inputs, move).map(({ name, value }) => [name, value])
    return gitHubRequest(settings, context, {
      path: `actions/workflows/${encodeURIComponent(workflow)}/dispatches`,
      // an Enterprise Server may refuse a key that it does not know
      body: {
        ref,
        inputs: Object.fromEntries(values),
        ...(url === PUBLIC_API && { return_run_details: true }),
      },
    })
  },

  judge(response, settings, failure) {
    if (failure) return explainedBy(REMEDIES, response, failure)
    const page = `${actionsPage(settings)}/workflows/${encodeURIComponent(settings.workflow)}`
    return { link: linkOf(jsonOf(response).html_url) ?? page }
  },
}
