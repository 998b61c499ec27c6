import { randomUUID } from 'node:crypto'
import type { AccessControl } from '../access/access.ts'
import type { Egress } from '../egress/egress.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Perform } from '../triggers/run/attempt.ts'
import { createTriggers, type Triggers } from '../triggers/triggers.ts'
import type { Trust } from '../trust/trust.ts'
import type { Domain } from './domain.ts'
import type { KubernetesRooms } from './kubernetes.ts'
import { createMoveVerification } from './move-verification.ts'
import { ownOrigin } from './own-names.ts'
import type { SharedParts } from './parts.ts'
import { registryHostOf } from './registry.ts'

interface TriggerParts extends SharedParts {
  readonly domain: Pick<Domain, 'changeLog' | 'streams' | 'tags'>
  readonly sealer: Sealer
  readonly egress: Egress
  readonly access: Pick<AccessControl, 'rightsOf'>
  readonly trust: Trust
  readonly kubernetes: Pick<KubernetesRooms, 'act'>
}

/** Triggers, joined. */
export interface TriggerRooms {
  readonly view: Triggers
  /** Starts to act; called once the server listens. */
  start(): void
}

/** Joins triggers with what they react to, and with what they can do. */
export function openTriggers({ domain, access, trust, kubernetes, ...parts }: TriggerParts): TriggerRooms {
  const { opened, log } = parts
  const triggers = createTriggers({
    ...parts,
    ...domain,
    rightsOf: access.rightsOf,
    registryHost: registryHostOf(parts),
    publicUrl: () => ownOrigin(parts),
    perform: performBy(kubernetes),
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
  ({ act }: Pick<KubernetesRooms, 'act'>): Perform =>
  ({ kind, settings }, { move, signal }) => {
    if (kind === 'SET_IMAGE') return act({ kind, ...settings }, move, signal)
    if (kind === 'START_BUILD') return act({ kind, ...settings }, move, signal)
    return Promise.reject(new Error(`no room performs actions of the kind ${kind}`))
  }
