import { invalid } from '../../input/errors.ts'
import { type ActionInput, fieldOf, KIND_NAMES, type KindName } from '../../triggers/content/actions.ts'
import { inputType } from '../kit/inputs.ts'
import { PLACEHOLDER_TEXTS } from './action-values.ts'
import {
  ArgoWorkflowsActionInput,
  GitHubRepositoryDispatchActionInput,
  GitHubWorkflowDispatchActionInput,
  GitLabPipelineActionInput,
  JenkinsActionInput,
  TektonActionInput,
} from './build-actions.ts'
import { SetImageActionInput, StartBuildActionInput } from './cluster-action.ts'
import { ArgoCdActionInput, FluxActionInput, KargoActionInput } from './deployment-actions.ts'
import { SlackActionInput, TeamsActionInput } from './message-actions.ts'
import { MirrorActionInput } from './mirror-action.ts'
import { HttpFormatEnum, SignatureEnum } from './trigger-action.ts'

const HttpHeaderInput = inputType('HttpHeaderInput', {
  description: 'A header of a request.',
  fields: (t) => ({
    name: t.requiredString('Name of the header, for example `Authorization`.'),
    value: t.string(
      'Value of the header: a secret, which is stored sealed and cannot be read. If omitted in an update, the value stays as it is.',
    ),
  }),
})

const HttpActionInput = inputType('HttpActionInput', {
  description: 'A request to any URL.',
  fields: (t) => ({
    url: t.requiredString('URL, `https:` or `http:`, without user name and password.'),
    format: t.field({
      type: HttpFormatEnum,
      required: true,
      defaultValue: 'CLOUD_EVENT',
      description: 'Format of the body; the default is `CLOUD_EVENT`.',
    }),
    template: t.string(
      `JSON text of the body for the format \`TEMPLATE\`, and only for it. ${PLACEHOLDER_TEXTS}`,
    ),
    signature: t.field({
      type: SignatureEnum,
      required: true,
      defaultValue: 'SECRET',
      description: 'Signature of the request; the default is `SECRET`.',
    }),
    secret: t.string(
      'Secret of the signature `SECRET`: base64 of 24 to 64 bytes, with or without `whsec_`. If omitted, the server makes one, which the payload contains.',
    ),
    headers: t.list(HttpHeaderInput, 'Further headers, at most 20.'),
  }),
})

/** The action that a trigger does: one of its kinds. */
export const TriggerActionInput = inputType('TriggerActionInput', {
  description: 'What a trigger does. Exactly one field must be given.',
  fields: (t) => ({
    http: t.one(HttpActionInput, 'A request to any URL.'),
    githubRepositoryDispatch: t.one(
      GitHubRepositoryDispatchActionInput,
      'An event for the workflows of a GitHub repository.',
    ),
    githubWorkflowDispatch: t.one(GitHubWorkflowDispatchActionInput, 'A run of one GitHub workflow.'),
    gitlabPipeline: t.one(GitLabPipelineActionInput, 'A pipeline of a GitLab project.'),
    jenkins: t.one(JenkinsActionInput, 'A build of a Jenkins job.'),
    tekton: t.one(TektonActionInput, 'An event for an EventListener of Tekton.'),
    argoWorkflows: t.one(ArgoWorkflowsActionInput, 'An event for Argo Workflows.'),
    argoCd: t.one(ArgoCdActionInput, 'A refresh, or another image, of an Argo CD application.'),
    kargo: t.one(KargoActionInput, 'A refresh of warehouses of Kargo.'),
    flux: t.one(FluxActionInput, 'A reconciliation by Flux.'),
    setImage: t.one(SetImageActionInput, 'Another image of a container in a connected cluster.'),
    startBuild: t.one(StartBuildActionInput, 'A build of a BuildConfig in a connected cluster of OpenShift.'),
    mirror: t.one(MirrorActionInput, 'A copy of the image in another registry.'),
    slack: t.one(SlackActionInput, 'A message in Slack.'),
    teams: t.one(TeamsActionInput, 'A message in Microsoft Teams.'),
  }),
})

type GivenAction = typeof TriggerActionInput.$inferInput

/** Returns the actions that are given, of which there must be one. */
const actionsOf = (given: GivenAction): readonly ActionInput[] => [
  ...ofKind('HTTP', given.http),
  ...ofKind('GITHUB_REPOSITORY_DISPATCH', given.githubRepositoryDispatch),
  ...ofKind('GITHUB_WORKFLOW_DISPATCH', given.githubWorkflowDispatch),
  ...ofKind('GITLAB_PIPELINE', given.gitlabPipeline),
  ...ofKind('JENKINS', given.jenkins),
  ...ofKind('TEKTON', given.tekton),
  ...ofKind('ARGO_WORKFLOWS', given.argoWorkflows),
  ...ofKind('ARGO_CD', given.argoCd),
  ...ofKind('KARGO', given.kargo),
  ...ofKind('FLUX', given.flux),
  ...ofKind('SET_IMAGE', given.setImage),
  ...ofKind('START_BUILD', given.startBuild),
  ...ofKind('MIRROR', given.mirror),
  ...ofKind('SLACK', given.slack),
  ...ofKind('TEAMS', given.teams),
]

/** Returns an action of a kind, or nothing where it is not given. */
const ofKind = <K extends KindName>(
  kind: K,
  input: ActionInput<K>['input'] | null | undefined,
): readonly ActionInput[] => (input ? [{ kind, input } as ActionInput] : [])

/** Returns the action that is given. Throws InvalidInputError unless it is exactly one. */
export function actionOf(given: GivenAction): ActionInput {
  const [action, another] = actionsOf(given)
  if (!action || another) {
    throw invalid('action', `must have exactly one of the fields ${KIND_NAMES.map(fieldOf).join(', ')}`)
  }
  return action
}
