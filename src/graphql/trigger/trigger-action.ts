import type { OutputRef } from '@pothos/core'
import { type Action, KIND_NAMES, type KindName } from '../../triggers/content/actions.ts'
import { FORMATS, type HttpSettings, SIGNATURES } from '../../triggers/content/kinds/http.ts'
import type { Trigger } from '../../triggers/definition/trigger.ts'
import { enumType, objectType } from '../kit/types.ts'
import {
  ArgoWorkflowsActionType,
  GitHubRepositoryDispatchActionType,
  GitHubWorkflowDispatchActionType,
  GitLabPipelineActionType,
  JenkinsActionType,
  TektonActionType,
} from './build-actions.ts'
import { SetImageActionType, StartBuildActionType } from './cluster-action.ts'
import { ArgoCdActionType, FluxActionType, KargoActionType } from './deployment-actions.ts'
import { SlackActionType, TeamsActionType } from './message-actions.ts'
import { MirrorActionType } from './mirror-action.ts'

/** Returns the descriptions of values, none of which can be missing. */
const described = <Value extends string>(_values: readonly Value[], descriptions: Record<Value, string>) =>
  descriptions

export const TriggerActionKindEnum = enumType('TriggerActionKind', {
  description: 'Kind of an action.',
  values: described(KIND_NAMES, {
    HTTP: 'A request to any URL, as a CloudEvent or with a body of your own.',
    GITHUB_REPOSITORY_DISPATCH: 'An event for the workflows of a GitHub repository.',
    GITHUB_WORKFLOW_DISPATCH: 'A run of one GitHub workflow.',
    GITLAB_PIPELINE: 'A pipeline of a GitLab project.',
    JENKINS: 'A build of a Jenkins job.',
    TEKTON: 'An event for an EventListener of Tekton.',
    ARGO_WORKFLOWS: 'An event for Argo Workflows.',
    ARGO_CD: 'A refresh, or another image, of an Argo CD application.',
    KARGO: 'A refresh of warehouses of Kargo.',
    FLUX: 'A reconciliation by Flux.',
    SET_IMAGE: 'Another image of a container in a connected Kubernetes cluster.',
    START_BUILD: 'A build of a BuildConfig in a connected OpenShift cluster.',
    MIRROR: 'A copy of the image in another registry.',
    SLACK: 'A message in Slack.',
    TEAMS: 'A message in Microsoft Teams.',
  }),
})

export const HttpFormatEnum = enumType('HttpFormat', {
  description: 'Format of a request’s body.',
  values: described(FORMATS, {
    CLOUD_EVENT:
      'CloudEvents 1.0 in structured mode: attributes and data are one JSON object, of the type `io.imagestreams.tag.moved.v1`.',
    CLOUD_EVENT_BINARY:
      'CloudEvents 1.0 in binary mode: the attributes are headers `ce-…`, the data is the body.',
    CD_EVENT: 'CDEvents `artifact.published` in structured mode, whose subject is a package URL.',
    CD_EVENT_BINARY: 'CDEvents `artifact.published` in binary mode.',
    TEMPLATE: 'JSON of your own, whose texts can contain placeholders.',
  }),
})

export const SignatureEnum = enumType('HttpSignature', {
  description: 'Signature of a request, by Standard Webhooks.',
  values: described(SIGNATURES, {
    NONE: 'The request is not signed.',
    SECRET: '`v1`: HMAC-SHA256 with a secret that the receiver has.',
    KEY_PAIR:
      '`v1a`: Ed25519 with a key pair of this server. The receiver needs no secret: `/.well-known/imagestreams/webhook-keys` has the public key.',
  }),
})

const HttpActionType = objectType<HttpSettings>('HttpAction', {
  description: 'A request to any URL, without its secrets.',
  properties: (t) => ({
    url: t.string('URL that receives the request, by POST.'),
    format: t.one(HttpFormatEnum, 'Format of the body.'),
    signature: t.one(SignatureEnum, 'Signature of the request.'),
  }),
  fields: (t) => ({
    template: t.string({
      nullable: true,
      description: 'JSON text of the body with its placeholders; null unless `format` is `TEMPLATE`.',
      resolve: ({ template }) => (template === null ? null : JSON.stringify(template)),
    }),
    headerNames: t.stringList({
      description: 'Names of further headers, in lower case, at most 20. Their values cannot be read.',
      resolve: ({ headers }) => headers,
    }),
  }),
})

/** Returns the definition of the field of a kind, which is null for actions of other kinds. */
const settingsOf = <K extends KindName>(
  kind: K,
  type: OutputRef<Action<K>['settings']>,
  description: string,
) => ({
  type,
  nullable: true as const,
  description: `Settings of ${description}; null for another kind.`,
  resolve: ({ action }: Pick<Trigger, 'action'>) =>
    action.kind === kind ? (action as Action<K>).settings : null,
})

export const TriggerActionType = objectType<Pick<Trigger, 'action' | 'host'>>('TriggerAction', {
  description: 'What a trigger does, without its secrets. The field of its kind has the settings.',
  properties: (t) => ({
    host: t.string(
      'Host of the receiver, with the port if it is not the usual one; `cluster production` for an action in a cluster.',
    ),
  }),
  fields: (t) => ({
    kind: t.field({
      type: TriggerActionKindEnum,
      description: 'Kind of the action.',
      resolve: ({ action }) => action.kind,
    }),
    http: t.field(settingsOf('HTTP', HttpActionType, 'a request to any URL')),
    githubRepositoryDispatch: t.field(
      settingsOf('GITHUB_REPOSITORY_DISPATCH', GitHubRepositoryDispatchActionType, 'an event of GitHub'),
    ),
    githubWorkflowDispatch: t.field(
      settingsOf('GITHUB_WORKFLOW_DISPATCH', GitHubWorkflowDispatchActionType, 'a run of a GitHub workflow'),
    ),
    gitlabPipeline: t.field(settingsOf('GITLAB_PIPELINE', GitLabPipelineActionType, 'a pipeline of GitLab')),
    jenkins: t.field(settingsOf('JENKINS', JenkinsActionType, 'a build of a Jenkins job')),
    tekton: t.field(settingsOf('TEKTON', TektonActionType, 'an event for Tekton')),
    argoWorkflows: t.field(
      settingsOf('ARGO_WORKFLOWS', ArgoWorkflowsActionType, 'an event for Argo Workflows'),
    ),
    argoCd: t.field(settingsOf('ARGO_CD', ArgoCdActionType, 'a change of an Argo CD application')),
    kargo: t.field(settingsOf('KARGO', KargoActionType, 'a refresh by Kargo')),
    flux: t.field(settingsOf('FLUX', FluxActionType, 'a reconciliation by Flux')),
    setImage: t.field(settingsOf('SET_IMAGE', SetImageActionType, 'another image in a cluster')),
    startBuild: t.field(settingsOf('START_BUILD', StartBuildActionType, 'a build in a cluster')),
    mirror: t.field(settingsOf('MIRROR', MirrorActionType, 'a copy in another registry')),
    slack: t.field(settingsOf('SLACK', SlackActionType, 'a message in Slack')),
    teams: t.field(settingsOf('TEAMS', TeamsActionType, 'a message in Microsoft Teams')),
  }),
})
