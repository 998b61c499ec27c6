import { valuesOf } from './claim-patterns.ts'

// Anyone can open a pull request in a public repository, and with it run code whose token has the identifiers of that repository.

/** Claims whose values say that a token belongs to a pull request or merge request. */
const SIGNS: Readonly<Record<string, RegExp>> = {
  // GitHub Actions
  event_name: /^pull_request/,
  ref: /^refs\/pull\//,
  sub: /:pull_request$/,
  // GitLab CI
  pipeline_source: /^(?:merge_request_event|external_pull_request_event)$/,
  ref_path: /^refs\/merge-requests\//,
}

/** Returns the claim by which a token is recognised as one of a pull request or merge request; undefined for other tokens. */
export const pullRequestClaim = (claims: Readonly<Record<string, unknown>>): string | undefined =>
  Object.entries(SIGNS).find(([name, sign]) => valuesOf(claims, name).some((value) => sign.test(value)))?.[0]
