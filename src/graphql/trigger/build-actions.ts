import type { ArgoWorkflowsSettings } from '../../triggers/content/kinds/argo-workflows.ts'
import type { GitHubRepositoryDispatchSettings } from '../../triggers/content/kinds/github-repository-dispatch.ts'
import type { GitHubWorkflowDispatchSettings } from '../../triggers/content/kinds/github-workflow-dispatch.ts'
import type { GitLabPipelineSettings } from '../../triggers/content/kinds/gitlab-pipeline.ts'
import type { JenkinsSettings } from '../../triggers/content/kinds/jenkins.ts'
import type { TektonSettings } from '../../triggers/content/kinds/tekton.ts'
import { inputType } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { ActionValueInput, ActionValueType, PLACEHOLDER_TEXTS, secretOf } from './action-values.ts'

// Servers that build.

const GITHUB = {
  url: 'URL of GitHub’s API: `https://github.example.org/api/v3` for an Enterprise Server; the default is `https://api.github.com`.',
  owner: 'User or organization that owns the repository.',
  repository: 'Name of the repository, without its owner.',
  ref: 'Branch or tag, for example `main`.',
} as const

export const GitHubRepositoryDispatchActionInput = inputType('GitHubRepositoryDispatchActionInput', {
  description:
    'An event of GitHub, which starts the workflows of a repository that have `on: repository_dispatch`.',
  fields: (t) => ({
    url: t.string(GITHUB.url),
    owner: t.requiredString(GITHUB.owner),
    repository: t.requiredString(GITHUB.repository),
    eventType: t.string('Type of the event, which workflows select; the default is `image-moved`.'),
    clientPayload: t.string(
      `JSON text of \`client_payload\`: an object with at most ten keys. ${PLACEHOLDER_TEXTS} The default is the data of a CloudEvent: \`github.event.client_payload.dockerImageReference\` is the image.`,
    ),
    token: t.string(secretOf('Token with the right to write the contents of the repository')),
  }),
})

export const GitHubRepositoryDispatchActionType = objectType<GitHubRepositoryDispatchSettings>(
  'GitHubRepositoryDispatchAction',
  {
    description: 'An event of GitHub, without its token.',
    properties: (t) => ({
      url: t.string('URL of GitHub’s API.'),
      owner: t.string(GITHUB.owner),
      repository: t.string(GITHUB.repository),
      eventType: t.string('Type of the event, which workflows select.'),
    }),
    fields: (t) => ({
      clientPayload: t.string({
        nullable: true,
        description:
          'JSON text of `client_payload` with its placeholders; null for the data of a CloudEvent.',
        resolve: ({ clientPayload }) => (clientPayload === null ? null : JSON.stringify(clientPayload)),
      }),
    }),
  },
)

export const GitHubWorkflowDispatchActionInput = inputType('GitHubWorkflowDispatchActionInput', {
  description: 'A run of one workflow of GitHub, which has `on: workflow_dispatch`.',
  fields: (t) => ({
    url: t.string(GITHUB.url),
    owner: t.requiredString(GITHUB.owner),
    repository: t.requiredString(GITHUB.repository),
    workflow: t.requiredString(
      'File of the workflow in `.github/workflows`, for example `build.yml`, or its number.',
    ),
    ref: t.string(`${GITHUB.ref} The default is \`main\`.`),
    inputs: t.list(
      ActionValueInput,
      'Inputs of the workflow, at most 25, each of which it must declare. The default is none.',
    ),
    token: t.string(secretOf('Token with the right to write the actions of the repository')),
  }),
})

export const GitHubWorkflowDispatchActionType = objectType<GitHubWorkflowDispatchSettings>(
  'GitHubWorkflowDispatchAction',
  {
    description: 'A run of one workflow of GitHub, without its token.',
    properties: (t) => ({
      url: t.string('URL of GitHub’s API.'),
      owner: t.string(GITHUB.owner),
      repository: t.string(GITHUB.repository),
      workflow: t.string('File of the workflow, or its number.'),
      ref: t.string(GITHUB.ref),
      inputs: t.list(ActionValueType, 'Inputs of the workflow, at most 25.'),
    }),
  },
)

export const GitLabPipelineActionInput = inputType('GitLabPipelineActionInput', {
  description: 'A pipeline of GitLab, started by a trigger token.',
  fields: (t) => ({
    url: t.string('URL of the GitLab server; the default is `https://gitlab.com`.'),
    project: t.requiredString('Path of the project with its groups, for example `team/app`, or its number.'),
    ref: t.string(`${GITHUB.ref} The default is \`main\`.`),
    variables: t.list(
      ActionValueInput,
      'Variables of the pipeline, at most 50. The default is `IMAGE`, `IMAGE_STREAM`, `IMAGE_TAG` and `IMAGE_DIGEST`.',
    ),
    token: t.string(secretOf('Pipeline trigger token of the project')),
  }),
})

export const GitLabPipelineActionType = objectType<GitLabPipelineSettings>('GitLabPipelineAction', {
  description: 'A pipeline of GitLab, without its token.',
  properties: (t) => ({
    url: t.string('URL of the GitLab server.'),
    project: t.string('Path or number of the project.'),
    ref: t.string(GITHUB.ref),
    variables: t.list(ActionValueType, 'Variables of the pipeline, at most 50.'),
  }),
})

const JENKINS = {
  url: 'URL of Jenkins, with its path if it has one.',
  job: 'Job with its folders: `folder/job`. `%2F` stands for a slash in the name of a branch.',
  user: 'Name of the user that the API token is of.',
} as const

export const JenkinsActionInput = inputType('JenkinsActionInput', {
  description: 'A build of a Jenkins job.',
  fields: (t) => ({
    url: t.requiredString(JENKINS.url),
    job: t.requiredString(JENKINS.job),
    user: t.requiredString(JENKINS.user),
    parameters: t.list(
      ActionValueInput,
      'Parameters of the build, at most 50; Jenkins ignores those that the job does not declare. Omitted for a job without parameters.',
    ),
    token: t.string(secretOf('API token of the user')),
  }),
})

export const JenkinsActionType = objectType<JenkinsSettings>('JenkinsAction', {
  description: 'A build of a Jenkins job, without the API token.',
  properties: (t) => ({
    url: t.string(JENKINS.url),
    job: t.string(JENKINS.job),
    user: t.string(JENKINS.user),
    parameters: t.list(ActionValueType, 'Parameters of the build, at most 50.'),
  }),
})

export const TektonActionInput = inputType('TektonActionInput', {
  description: 'An event for an EventListener of Tekton, whose bindings find `$(body.dockerImageReference)`.',
  fields: (t) => ({
    url: t.requiredString('URL of the EventListener.'),
    isSigned: t.boolean(
      'Whether requests are signed for the interceptor `github` of Tekton. The default is true with a secret.',
    ),
    secret: t.string(secretOf('Secret of the interceptor')),
  }),
})

export const TektonActionType = objectType<TektonSettings>('TektonAction', {
  description: 'An event for an EventListener of Tekton, without its secret.',
  properties: (t) => ({
    url: t.string('URL of the EventListener.'),
    isSigned: t.boolean('Whether requests are signed for the interceptor `github` of Tekton.'),
  }),
})

const ARGO_WORKFLOWS = {
  url: 'URL of the Argo Server.',
  namespace: 'Namespace of Kubernetes whose bindings get the event.',
} as const

export const ArgoWorkflowsActionInput = inputType('ArgoWorkflowsActionInput', {
  description: 'An event for the bindings of Argo Workflows, which select it by `payload.tag`.',
  fields: (t) => ({
    url: t.requiredString(ARGO_WORKFLOWS.url),
    namespace: t.requiredString(ARGO_WORKFLOWS.namespace),
    discriminator: t.string('Text that bindings can select by; the default is empty. It is no security.'),
    token: t.string(secretOf('Access token of a service account')),
  }),
})

export const ArgoWorkflowsActionType = objectType<ArgoWorkflowsSettings>('ArgoWorkflowsAction', {
  description: 'An event for the bindings of Argo Workflows, without its token.',
  properties: (t) => ({
    url: t.string(ARGO_WORKFLOWS.url),
    namespace: t.string(ARGO_WORKFLOWS.namespace),
    discriminator: t.string('Text that bindings can select by; empty for none.'),
  }),
})
