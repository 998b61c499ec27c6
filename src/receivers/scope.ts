import { pathsAbove, splitPrefix } from '../logins/registry-login.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Hint } from '../vendors/delivery/delivery.ts'
import type { Receiver } from './receiver.ts'

/** A hint in the scope of its receiver: it has the receiver's registry, and its repository in canonical form. */
export type ScopedHint = Omit<Hint, 'registry'> & { readonly registry: string }

/** Hints of a delivery that are in the scope of its receiver. */
export interface ScopedHints {
  readonly allowed: readonly ScopedHint[]
  /** Why hints are left out; null when none are. */
  readonly message: string | null
}

const HUB = 'docker.io'
const LIBRARY = 'library/'
/** Tags of signatures, attestations and SBOMs, which belong to an image and are not images. */
const ATTACHMENT = /^sha256-[0-9a-f]{64}(?:\.\w+)?$/

/** Returns the hints that the receiver may report. */
export function scopeOf(receiver: Receiver, hints: readonly Hint[]): ScopedHints {
  const allowed: ScopedHint[] = []
  const reasons = new Set<string>()
  for (const hint of hints) {
    const repository = canonicalRepository(hint.repository, receiver.registry)
    if (hint.registry !== null && !isRegistryOf(receiver, hint.registry)) {
      reasons.add(
        `the registry ${short(hint.registry)} is not ${receiver.registry}, the registry of this receiver, nor one of its aliases; updateReceiver changes aliases`,
      )
    } else if (!isRepositoryName(repository)) {
      reasons.add(`${short(hint.repository)} is not the name of a repository`)
    } else if (!isBelow(receiver, repository)) {
      reasons.add(
        `the repository ${short(repository)} is outside of the scope of this receiver: ${receiver.repositories.join(', ')}; updateReceiver changes repositories`,
      )
    } else if (hint.tag !== null && ATTACHMENT.test(hint.tag)) {
      reasons.add(`${short(repository)}:${hint.tag} is an attachment of an image`)
    } else {
      allowed.push({ ...hint, registry: receiver.registry, repository })
    }
  }
  return { allowed, message: [...reasons].join('; ').slice(0, 1000) || null }
}

/** Returns the repository in lower case and with `library/` on Docker Hub: some senders write it otherwise. */
export function canonicalRepository(repository: string, registry: string): string {
  const lower = repository.toLowerCase()
  return registry === HUB && lower !== '' && !lower.includes('/') ? LIBRARY + lower : lower
}

const isRegistryOf = ({ registry, aliases }: Receiver, name: string): boolean => {
  const host = splitPrefix(name).registry
  return host === registry || aliases.includes(host)
}

/** Reports whether the repository is in the receiver's scope. */
export function isBelow({ registry, repositories }: Receiver, repository: string): boolean {
  if (repositories.length === 0) return true
  const paths = new Set(pathsAbove(repository))
  // users write `ruby` for `library/ruby`
  if (registry === HUB && repository.startsWith(LIBRARY)) paths.add(repository.slice(LIBRARY.length))
  return repositories.some((path) => paths.has(path))
}

const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
