import { pathsAbove, splitPrefix } from '../logins/registry-login.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Hint } from '../vendors/delivery/sender.ts'
import type { Webhook } from './webhook.ts'

/** A hint that its webhook may give, spelled as hints are compared: its registry is the webhook's. */
export type ScopedHint = Omit<Hint, 'registry'> & { readonly registry: string }

export interface Scoped {
  readonly allowed: readonly ScopedHint[]
  /** Why others are left out; null when none are. */
  readonly reason: string | null
}

const HUB = 'docker.io'
const LIBRARY = 'library/'
/** Signatures, attestations and SBOMs stand beside images under such tags, and move none. */
const ATTACHMENT = /^sha256-[0-9a-f]{64}(?:\.\w+)?$/

/** What of the hints is the webhook's to give. */
export function scopeOf(webhook: Webhook, hints: readonly Hint[]): Scoped {
  const allowed: ScopedHint[] = []
  const reasons = new Set<string>()
  for (const hint of hints) {
    const repository = spelled(hint.repository, webhook.registry)
    if (hint.registry !== null && !knows(webhook, hint.registry)) {
      reasons.add(
        `it tells of the registry ${short(hint.registry)}: of this webhook is ${webhook.registry}, and what its aliases name`,
      )
    } else if (!isRepositoryName(repository)) {
      reasons.add(`it tells of ${short(hint.repository)}, which is no repository`)
    } else if (!isBelow(webhook, repository)) {
      reasons.add(
        `it tells of the repository ${short(repository)}, and may tell of ${webhook.repositories.join(', ')}`,
      )
    } else if (hint.tag !== null && ATTACHMENT.test(hint.tag)) {
      reasons.add(`it tells of ${short(repository)}:${hint.tag}, which is an attachment of an image`)
    } else {
      allowed.push({ ...hint, registry: webhook.registry, repository })
    }
  }
  return { allowed, reason: [...reasons].join('; ').slice(0, 1000) || null }
}

/** A repository as references have it; some senders write it in upper case, or without the namespace of the Hub. */
export function spelled(repository: string, registry: string): string {
  const lower = repository.toLowerCase()
  return registry === HUB && lower !== '' && !lower.includes('/') ? LIBRARY + lower : lower
}

const knows = ({ registry, aliases }: Webhook, named: string): boolean => {
  const host = splitPrefix(named).registry
  return host === registry || aliases.includes(host)
}

/** Whether the webhook may tell of the repository. */
export function isBelow({ registry, repositories }: Webhook, repository: string): boolean {
  if (repositories.length === 0) return true
  const above = new Set(pathsAbove(repository))
  // `ruby` is how people write `library/ruby`
  if (registry === HUB && repository.startsWith(LIBRARY)) above.add(repository.slice(LIBRARY.length))
  return repositories.some((path) => above.has(path))
}

const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
