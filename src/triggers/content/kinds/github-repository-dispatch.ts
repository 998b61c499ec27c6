import { invalid } from '../../../input/errors.ts'
import { isObject } from '../../../oci/json.ts'
import type { ActionKind } from '../action-kind.ts'
import { dataOf } from '../cloud-event.ts'
import { PLACEHOLDERS, textsOf } from '../moved-tag.ts'
import { fill, parseTemplate, type Template } from '../template.ts'
import { checkText } from './fields.ts'
import {
  actionsPage,
  checkGitHub,
  GITHUB_REMEDIES,
  type GitHubInput,
  type GitHubRepository,
  gitHubRequest,
} from './github.ts'
import { explainedBy } from './verdicts.ts'

// Source: GitHub REST API, POST /repos/{owner}/{repo}/dispatches.

/** An event of GitHub that starts the workflows of a repository which wait for it. */
export interface GitHubRepositoryDispatchSettings extends GitHubRepository {
  readonly eventType: string
  /** Null for what a CloudEvent says about the move. */
  readonly clientPayload: Template | null
}

/** The same as given. */
export interface GitHubRepositoryDispatchInput extends GitHubInput {
  /** `image-moved` unless given. */
  readonly eventType?: string | null | undefined
  /** JSON text of an object; texts may contain placeholders. */
  readonly clientPayload?: string | null | undefined
}

/** Source: the schema of `client_payload` and of `event_type`. */
const MAX = { keys: 10, payload: 20_000 }

const REMEDIES = {
  ...GITHUB_REMEDIES,
  404: 'there is no such repository, or the token may not see it: it needs the right to write contents',
  422: 'change eventType or clientPayload',
}

/** Starts the workflows of a repository with `on: repository_dispatch`. */
export const GITHUB_REPOSITORY_DISPATCH: ActionKind<
  GitHubRepositoryDispatchInput,
  GitHubRepositoryDispatchSettings
> = {
  check({ eventType, clientPayload, ...input }, field) {
    const { settings, ...checked } = checkGitHub(input, field)
    return {
      ...checked,
      settings: {
        ...settings,
        eventType: checkText(eventType ?? 'image-moved', `${field}.eventType`, {
          pattern: /^[\w.:/-]{1,100}$/,
          allowed: 'a type of event: letters, digits, ".", ":", "/", "-" and "_", at most 100',
        }),
        clientPayload: checkPayload(clientPayload, `${field}.clientPayload`),
      },
    }
  },

  request: (settings, move, context) =>
    gitHubRequest(settings, context, {
      path: 'dispatches',
      body: {
        event_type: settings.eventType,
        client_payload: settings.clientPayload
          ? JSON.parse(fill(settings.clientPayload, textsOf(move)))
          : dataOf(move),
      },
    }),

  judge: (response, settings, failure) =>
    failure
      ? explainedBy(REMEDIES, response, failure)
      : { link: `${actionsPage(settings)}?query=event%3Arepository_dispatch` },
}

function checkPayload(text: string | null | undefined, field: string): Template | null {
  if (text == null) return null
  if (text.length > MAX.payload) throw invalid(field, `must have at most ${MAX.payload} characters`)
  const template = parseTemplate(text, PLACEHOLDERS, field)
  if (!isObject(template) || Object.keys(template).length > MAX.keys) {
    throw invalid(field, `must be a JSON object with at most ${MAX.keys} keys`)
  }
  return template
}
