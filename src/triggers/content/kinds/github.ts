import type { ActionContext, CheckedAction, OutgoingRequest } from '../action-kind.ts'
import { checkSecrets, checkText, JSON_TYPE } from './fields.ts'
import { checkBaseUrl } from './receiver-url.ts'

/** A repository of GitHub. */
export interface GitHubRepository {
  /** `https://api.github.com`, or `https://github.example.org/api/v3` of an Enterprise Server. */
  readonly url: string
  /** User or organization. */
  readonly owner: string
  readonly repository: string
}

/** A repository as given, and a token with rights for it. */
export interface GitHubInput extends Omit<GitHubRepository, 'url'> {
  readonly url?: string | null | undefined
  /** Null keeps the token that it has. */
  readonly token?: string | null | undefined
}

export const PUBLIC_API = 'https://api.github.com'
const TOKEN = 'token'
const API_VERSION = '2022-11-28'

/** Checks repository and token. Throws InvalidInputError. */
export function checkGitHub(input: GitHubInput, field: string): CheckedAction<GitHubRepository> {
  const { url, host } = checkBaseUrl(input.url ?? PUBLIC_API, `${field}.url`)
  const owner = checkText(input.owner, `${field}.owner`, {
    pattern: /^[A-Za-z0-9][\w-]{0,99}$/,
    allowed: 'a user or an organization: letters, digits, "-" and "_", at most 100',
  })
  const repository = checkText(input.repository, `${field}.repository`, {
    pattern: /^[\w.-]{1,100}$/,
    allowed: 'a repository without its owner: letters, digits, ".", "-" and "_", at most 100',
  })
  return {
    settings: { url, owner, repository },
    host,
    secrets: checkSecrets({ [TOKEN]: input.token }, field),
    neededSecrets: [TOKEN],
  }
}

/** Returns a request to the API of a repository. */
export const gitHubRequest = (
  { url, owner, repository }: GitHubRepository,
  context: ActionContext,
  { path, body }: { readonly path: string; readonly body: object },
): OutgoingRequest => ({
  method: 'POST',
  url: `${url}/repos/${owner}/${repository}/${path}`,
  headers: {
    ...JSON_TYPE,
    accept: 'application/vnd.github+json',
    'x-github-api-version': API_VERSION,
    authorization: `Bearer ${context.secret(TOKEN)}`,
  },
  body: JSON.stringify(body),
})

/** Returns the page of a repository’s runs. */
export function actionsPage({ url, owner, repository }: GitHubRepository): string {
  const web = url === PUBLIC_API ? 'https://github.com' : url.replace(/\/api\/v3$/, '')
  return `${web}/${owner}/${repository}/actions`
}

/** What to do about a status. Source: GitHub REST API, 2022-11-28. */
export const GITHUB_REMEDIES = {
  401: 'the token is not valid or has expired: give a new one',
  403: 'the token may not do this, or the limit of requests is reached: see the rights that it needs',
} as const
