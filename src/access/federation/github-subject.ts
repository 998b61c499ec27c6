// GitHub adds identifiers to `sub`, for new, renamed and transferred repositories first:
// repo:octocat/app:ref:refs/heads/main becomes repo:octocat@123456/app@456789:ref:refs/heads/main.
// Source: https://docs.github.com/en/actions/reference/security/oidc

const WITH_IDS = /^repo:[^@/:*]+@\d+\/[^@/:*]+@\d+:/
const IDS = /^(repo:[^@/:]+)@\d+(\/[^@/:]+)@\d+(?=:)/

/** Reports whether a pattern of `sub` pins the identifiers of the owner and the repository. */
export const pinsIds = (pattern: string): boolean => WITH_IDS.test(pattern)

/** Reports whether a pattern of `sub` is about a repository of GitHub by its name alone. */
export const isNamePattern = (pattern: string): boolean => pattern.startsWith('repo:') && !pinsIds(pattern)

/** Returns a subject without the identifiers, as it was before; undefined for one that has none. */
export const withoutIds = (subject: string): string | undefined =>
  IDS.test(subject) ? subject.replace(IDS, '$1$2') : undefined
