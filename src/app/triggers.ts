import { randomUUID } from 'node:crypto'
import type { AccessControl } from '../access/access.ts'
import { namespacePrincipal } from '../access/identity/principal.ts'
import type { Viewer } from '../access/right/viewer.ts'
import type { Egress } from '../egress/egress.ts'
import type { createReplication } from '../registry/mirroring/replicate.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { filledMirror } from '../triggers/content/kinds/mirror.ts'
import type { MovedTag } from '../triggers/content/moved-tag.ts'
import type { Perform } from '../triggers/run/attempt.ts'
import type { Rehearse } from '../triggers/run/dry-run.ts'
import { createTriggers, type Triggers } from '../triggers/triggers.ts'
import type { Trust } from '../trust/trust.ts'
import type { Domain } from './domain.ts'
import type { KubernetesRooms } from './kubernetes.ts'
import { createMoveVerification } from './move-verification.ts'
import { isOwnUrl, ownOrigin } from './own-names.ts'
import type { SharedParts } from './parts.ts'
import { registryHostOf } from './registry.ts'

/** What does actions that are no requests. */
interface Performers {
  readonly access: Pick<AccessControl, 'rightsOf'>
  readonly kubernetes: Pick<KubernetesRooms, 'act' | 'rehearse'>
  /** Null with an external registry. */
  readonly replicate: ReturnType<typeof createReplication> | null
}

interface TriggerParts extends SharedParts, Performers {
  readonly domain: Pick<Domain, 'changeLog' | 'streams' | 'tags'>
  readonly sealer: Sealer
  readonly egress: Egress
  readonly trust: Trust
}

/** Triggers, joined. */
export interface TriggerRooms {
  readonly view: Triggers
  /** Starts to act; called once the server listens. */
  start(): void
}

/** Joins triggers with what they react to, and with what they can do. */
export function openTriggers({ domain, trust, ...parts }: TriggerParts): TriggerRooms {
  const { access, opened, log } = parts
  const triggers = createTriggers({
    ...parts,
    ...domain,
    rightsOf: access.rightsOf,
    registryHost: registryHostOf(parts),
    publicUrl: () => ownOrigin(parts),
    isOwn: (url) => isOwnUrl(parts, url),
    perform: performBy(parts),
    rehearse: rehearseBy(parts),
    verify: createMoveVerification({ tags: domain.tags, trust }),
    uuid: randomUUID,
    random: Math.random,
    onError: (error) => log.error({ err: error }, 'triggers cannot act'),
  })
  opened.use(triggers.worker)
  opened.use(triggers.links)
  return { view: triggers, start: () => opened.defer(triggers.start()) }
}

/** Returns what other rooms do for actions that are no requests. */
const performBy =
  ({ kubernetes: { act }, replicate, access }: Performers): Perform =>
  ({ kind, settings }, { move, signal }) => {
    if (kind === 'SET_IMAGE') return act({ kind, ...settings }, move, signal)
    if (kind === 'START_BUILD') return act({ kind, ...settings }, move, signal)
    if (kind !== 'MIRROR') return Promise.reject(new Error(`no room performs actions of the kind ${kind}`))
    if (replicate) {
      return replicate(filledMirror(settings, move), move, { viewer: namespaceItself(move, access), signal })
    }
    const failure = { kind: 'NEVER', message: NO_COPIES } as const
    return Promise.resolve({ status: null, text: '', link: null, failure })
  }

const NO_COPIES =
  'an external registry replaces the integrated one (--external-registry), which copies images'

/** Returns what other rooms would do. */
const rehearseBy =
  ({ kubernetes, replicate }: Performers): Rehearse =>
  async ({ kind, settings }, { move, ...options }) => {
    if (kind === 'SET_IMAGE') return kubernetes.rehearse({ kind, ...settings }, move, options)
    if (kind === 'START_BUILD') return kubernetes.rehearse({ kind, ...settings }, move, options)
    if (kind !== 'MIRROR') throw new Error(`no room performs actions of the kind ${kind}`)
    const { repository, tag, includeReferrers } = filledMirror(settings, move)
    const referrers = includeReferrers ? ', with its referrers' : ''
    const plan = `copies ${move.namespace}/${move.imageStream}:${move.tag} to ${repository}:${tag}${referrers}`
    return { plan, isReachable: null, message: replicate ? null : NO_COPIES }
  }

/** Returns the namespace of a trigger as the viewer: it uses the credentials of the namespace, and no others. */
function namespaceItself({ namespace }: MovedTag, { rightsOf }: Performers['access']): Viewer {
  const id = namespacePrincipal(namespace)
  return { id, name: `triggers of ${namespace}`, rights: rightsOf(id), address: null, requestId: null }
}
