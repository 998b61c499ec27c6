import { invalid, quoted } from '../../input/errors.ts'
import { isGlob } from '../../input/glob.ts'
import type { ActionKind, CheckedAction } from './action-kind.ts'
import { ARGO_CD } from './kinds/argo-cd.ts'
import { ARGO_WORKFLOWS } from './kinds/argo-workflows.ts'
import { SET_IMAGE, START_BUILD } from './kinds/cluster.ts'
import { FLUX } from './kinds/flux.ts'
import { GITHUB_REPOSITORY_DISPATCH } from './kinds/github-repository-dispatch.ts'
import { GITHUB_WORKFLOW_DISPATCH } from './kinds/github-workflow-dispatch.ts'
import { GITLAB_PIPELINE } from './kinds/gitlab-pipeline.ts'
import { HTTP } from './kinds/http.ts'
import { JENKINS } from './kinds/jenkins.ts'
import { KARGO } from './kinds/kargo.ts'
import { MIRROR } from './kinds/mirror.ts'
import { SLACK } from './kinds/slack.ts'
import { TEAMS } from './kinds/teams.ts'
import { TEKTON } from './kinds/tekton.ts'

/** The kinds of actions. A new one is a file of `kinds/`, and a line here. */
const KINDS = {
  HTTP,
  GITHUB_REPOSITORY_DISPATCH,
  GITHUB_WORKFLOW_DISPATCH,
  GITLAB_PIPELINE,
  JENKINS,
  TEKTON,
  ARGO_WORKFLOWS,
  ARGO_CD,
  KARGO,
  FLUX,
  MIRROR,
  SLACK,
  TEAMS,
  SET_IMAGE,
  START_BUILD,
} as const

export type KindName = keyof typeof KINDS

/** What each kind takes, and what is stored of it. */
type Kinds = {
  readonly [K in KindName]: (typeof KINDS)[K] extends ActionKind<infer Input, infer Settings>
    ? { readonly input: Input; readonly settings: Settings }
    : never
}

const BY_NAME: { readonly [K in KindName]: ActionKind<Kinds[K]['input'], Kinds[K]['settings']> } = KINDS

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[]

/** An action as given, and as stored: without its secrets. */
export type ActionInput<K extends KindName = KindName> = {
  [P in K]: { kind: P; input: Kinds[P]['input'] }
}[K]
export type Action<K extends KindName = KindName> = {
  readonly [P in K]: { readonly kind: P; readonly settings: Kinds[P]['settings'] }
}[K]

/** Returns the kind of an action. */
export const kindOf = <K extends KindName>({
  kind,
}: {
  readonly kind: K
}): ActionKind<Kinds[K]['input'], Kinds[K]['settings']> => BY_NAME[kind]

/** Returns where an action sends its secrets: scheme, host and port of its receiver, or the work of another room. */
export function originOf({ settings }: Action, host: string): string {
  if ('url' in settings) return new URL(settings.url).origin
  return 'origin' in settings ? settings.origin : host
}

/** Throws InvalidInputError for an action that would send requests to this server, and so could make it act without end. */
export function refuseOwn(action: Action, host: string, isOwn: (url: URL) => boolean): void {
  if (kindOf(action).request && isOwn(new URL(originOf(action, host)))) {
    throw invalid('action', `sends to ${host}, which is this server: it would act without end`)
  }
}

/** Returns the field of a kind in an input: `gitlabPipeline` of GITLAB_PIPELINE. */
export const fieldOf = (kind: KindName): string =>
  kind.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

/** Checks an action. `field` is the path of the input. Throws InvalidInputError. */
export function checkAction<K extends KindName>(
  { kind, input }: ActionInput<K>,
  field: string,
): CheckedAction<Action<K>> {
  const { settings, ...checked } = BY_NAME[kind].check(input, `${field}.${fieldOf(kind)}`)
  return { ...checked, settings: { kind, settings } }
}

/** Throws InvalidInputError for one repository of several streams, whose tags would replace each other. */
export function refuseMixedStreams(action: Action, streams: string): void {
  if (
    action.kind !== 'MIRROR' ||
    !isGlob(streams) ||
    /\{\{\s*imageStream\s*\}\}/.test(action.settings.repository)
  )
    return
  throw invalid(
    'action.mirror.repository',
    `must contain {{ imageStream }}: the trigger reacts to the image streams ${quoted(streams)}, whose tags would replace each other in one repository`,
  )
}
