import type { AuditRecorder } from '../access/audit/audit-log.ts'
import type { SetTimer } from '../concurrency/clock.ts'
import type { Database } from '../db/open.ts'
import type { Egress } from '../egress/egress.ts'
import type { ChangeLog } from '../events/change-log.ts'
import type { RightsOf } from '../imagestream/record/record-followers.ts'
import type { Streams } from '../imagestream/stream/stream.ts'
import type { Tags } from '../imagestream/tag/tag.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { createBaseContent } from './base/base-content.ts'
import { createBaseNames } from './base/base-names.ts'
import { createBases } from './base/bases.ts'
import { createDerivedTags } from './base/derived-tags.ts'
import { createDefinitions } from './definition/definitions.ts'
import { createKeyPairs } from './definition/key-pairs.ts'
import { createMatchingTriggers } from './definition/matching-triggers.ts'
import { createTriggerRows } from './definition/trigger-rows.ts'
import { createTriggerSecrets } from './definition/trigger-secrets.ts'
import { createApproval } from './run/approval.ts'
import { type Attempts, createAttempts, type Perform } from './run/attempt.ts'
import { createBaseMoves } from './run/base-moves.ts'
import { createCauses } from './run/causes.ts'
import { createDeliveryChanges } from './run/changes.ts'
import { createTriggerCommands } from './run/commands.ts'
import { createDescribeDelivery } from './run/described.ts'
import { createDryRun, type Rehearse } from './run/dry-run.ts'
import { DueLanes } from './run/due-lanes.ts'
import { createGuarding, type VerifyMove } from './run/guarding.ts'
import { createLinkSearch } from './run/link-search.ts'
import { createLogReader } from './run/log-reader.ts'
import { createMoves } from './run/moves.ts'
import { createPolicyMoves } from './run/policy-moves.ts'
import { createSilentTriggers } from './run/silent-triggers.ts'
import { createTagOfTrigger } from './run/tag-of-trigger.ts'
import { createTriggerWorker } from './run/worker.ts'
import { MAX_DELAY } from './state/backoff.ts'
import { createDeliveryRows } from './state/delivery-rows.ts'
import { createTriggerReads } from './state/reads.ts'
import { createTargetRows } from './state/target-rows.ts'
import { createTargets } from './state/targets.ts'

export interface TriggersDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly changeLog: ChangeLog
  readonly streams: Streams
  readonly tags: Tags
  readonly sealer: Sealer
  readonly egress: Pick<Egress, 'request'>
  /** `https://streams.example.org`: this server for other machines. */
  readonly publicUrl: () => string
  /** Reports whether a URL leads to this server: requests to it could make it act without end. */
  readonly isOwn: (url: URL) => boolean
  /** Does what an action says in another room. */
  readonly perform: Perform
  readonly rehearse: Rehearse
  readonly verify: VerifyMove
  /** Present rights of principals. */
  readonly rightsOf: RightsOf
  /** Returns the host of this server’s registry in pull specs. */
  readonly registryHost: () => string
  readonly uuid: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Returns a number from 0 to 1. */
  readonly random: () => number
  readonly onError: (error: unknown) => void
  readonly setTimer?: SetTimer
  /** Attempts a delivery; requests to receivers, and what other rooms do, unless given. */
  readonly attempt?: Attempts['run']
}

/** The triggers of all namespaces, and what they do. */
export type Triggers = ReturnType<typeof createTriggers>

/** Creates the triggers. They act once `start` is called. */
export function createTriggers(dependencies: TriggersDependencies) {
  const { db, changeLog, now } = dependencies
  const rows = createTargetRows(db, now)
  const deliveries = createDeliveryRows(db, now)
  const triggerRows = createTriggerRows(db)
  const secrets = createTriggerSecrets({ ...dependencies, db })
  // no process but this one attempts deliveries: those that have begun ended with the process before
  rows.planAgain(MAX_DELAY)
  const dueLanes = new DueLanes(rows)
  const targets = createTargets({
    ...{ rows, deliveries, now },
    onPlanned: (lane, at) => dueLanes.plan(lane, at),
  })
  const wake = (): void => worker.wake()
  const definitions = createDefinitions({
    ...dependencies,
    ...{ rows: triggerRows, targets: rows, deliveries, secrets },
    onChange(lane) {
      dueLanes.refresh(lane)
      wake()
    },
  })
  const matching = createMatchingTriggers(db)
  const describe = createMoves(db)
  const describeDelivery = createDescribeDelivery(describe, dependencies.tags)
  const bases = createBases({
    ...{ db, contentOf: createBaseContent(db) },
    namesOf: createBaseNames(db, dependencies.registryHost),
  })
  const baseMoves = createBaseMoves({
    ...{ ...dependencies, bases, targets, triggers: triggerRows },
    derivedTags: createDerivedTags(db),
  })
  const changes = createDeliveryChanges()
  const causes = createCauses(db)
  const keyPairs = createKeyPairs(dependencies)
  const attempts = createAttempts({ ...dependencies, secrets, keyPairs: keyPairs.signing })
  const { attempt = attempts.run } = dependencies
  const guarding = createGuarding({ ...dependencies, deliveries, targets, wake })
  const links = createLinkSearch({ ...dependencies, deliveries, attempts, triggers: triggerRows })
  const worker = createTriggerWorker({
    ...dependencies,
    onPass: links.wake,
    ...{ rows, targets, deliveries, dueLanes, attempt, causes, changes, guarding, triggers: triggerRows },
    describe: describeDelivery,
    reader: createLogReader({
      ...{ ...dependencies, targets, baseMoves },
      ...{ matching, isByPolicy: createPolicyMoves(db) },
    }),
    disable: definitions.disable,
    resumeEnded: definitions.resumeEnded,
    nextResumeAt: triggerRows.nextResumeAt,
  })
  const tagOf = createTagOfTrigger(dependencies)
  const commands = createTriggerCommands({
    ...dependencies,
    definitions,
    rows,
    targets,
    deliveries,
    tagOf,
    wake,
  })

  return {
    ...commands,
    dryRun: createDryRun({
      ...{ ...dependencies, definitions, tagOf, attempts },
      ...{ describe: describeDelivery, targets: rows },
    }),
    approve: createApproval({ ...dependencies, definitions, rows, targets, describe, wake }),
    definitions,
    keyPairs,
    reads: createTriggerReads(db),
    targets: rows,
    deliveries,
    follow: changes.follow,
    causesOf: causes.before,
    silentTriggersOf: createSilentTriggers(db, matching, triggerRows),
    worker,
    links,
    /** Begins to act, and continues what was planned. Returns a function that ends the reading of the log. */
    start(): () => void {
      wake()
      return changeLog.onAppend(wake)
    },
  }
}
