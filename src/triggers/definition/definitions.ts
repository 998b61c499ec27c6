import { isDeepStrictEqual } from 'node:util'
import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import {
  isAnonymous,
  namespacesOf,
  requireInNamespace,
  requirePerson,
  type Viewer,
} from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import { AlreadyExistsError, invalid, NotFoundError } from '../../input/errors.ts'
import { isGlob } from '../../input/glob.ts'
import { checkNamespace } from '../../input/names.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { CheckedAction } from '../content/action-kind.ts'
import {
  type Action,
  type ActionInput,
  checkAction,
  originOf,
  refuseMixedStreams,
  refuseOwn,
} from '../content/actions.ts'
import { checkGuards, type GuardsInput } from '../guard/guards.ts'
import type { DeliveryRows } from '../state/delivery-rows.ts'
import { type DeliveryLane, laneOf } from '../state/lane.ts'
import type { TargetRows } from '../state/target-rows.ts'
import { ofViewer } from './bases-of-viewer.ts'
import { createPauses, NOT_PAUSED } from './pauses.ts'
import { heldOf, type Trigger } from './trigger.ts'
import { checkSource, checkTriggerName, type Source } from './trigger-input.ts'
import type { TriggerRows } from './trigger-rows.ts'
import type { TriggerSecrets } from './trigger-secrets.ts'

/** A new trigger. */
export interface NewTrigger extends Source {
  readonly namespace: string
  readonly name: string
  readonly action: ActionInput
  /** What has to hold before it acts; nothing if left out. */
  readonly guards?: GuardsInput | null | undefined
}

/** Changes of a trigger; what is undefined stays as it is. */
export interface TriggerChanges extends Partial<Source> {
  readonly id: number
  readonly action?: ActionInput | undefined
  /** Replaces all guards. */
  readonly guards?: GuardsInput | null | undefined
}

/** A trigger with its new secret, which cannot be read again; null where there is none. */
export interface IssuedTrigger {
  readonly trigger: Trigger
  readonly secret: string | null
}

interface DefinitionsDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly changeLog: Pick<ChangeLog, 'head'>
  readonly rows: TriggerRows
  readonly secrets: TriggerSecrets
  readonly targets: Pick<
    TargetRows,
    'setTrigger' | 'judgeAgain' | 'withdrawApprovals' | 'deleteOthers' | 'planFailed'
  >
  readonly deliveries: Pick<DeliveryRows, 'supersedeAll'>
  /** Reports whether a URL leads to this server. */
  readonly isOwn: (url: URL) => boolean
  readonly uuid: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Called after each creation and change of a trigger with the lane of its deliveries. */
  readonly onChange: (lane: DeliveryLane) => void
}

/** Triggers of one namespace, and those of them whose pattern can match several streams: each move is compared with them. */
const MAX = { triggers: 10_000, patterns: 500 }

/** The definitions of triggers of all namespaces. */
export type Definitions = ReturnType<typeof createDefinitions>

/** Creates the reads and writes of definitions. They need the right `configure` in the whole namespace. */
export function createDefinitions(dependencies: DefinitionsDependencies) {
  const { db, audit, changeLog, rows, secrets, targets, deliveries, isOwn, uuid, now, onChange } =
    dependencies

  const checkGiven = (given: ActionInput): CheckedAction<Action> => {
    const action = checkAction(given, 'action')
    refuseOwn(action.settings, action.host, isOwn)
    return action
  }
  const find = (viewer: Viewer, id: number): Trigger => {
    const trigger = rows.byIds([id]).get(id)
    if (!trigger || !viewer.rights.mayInNamespace('configure', trigger.namespace)) {
      throw new NotFoundError('no trigger has this id')
    }
    return trigger
  }
  const record = (tx: Transaction, viewer: Viewer, action: string, trigger: Trigger): void => {
    const { namespace, name, streams, tags, host, guards } = trigger
    audit.record(tx, viewer, {
      ...{ action, namespace, target: `trigger ${namespace}/${name}` },
      details: {
        source: `${streams}:${tags}`,
        reactsTo: trigger.source,
        bases: trigger.bases,
        kind: trigger.action.kind,
        host,
        guards,
      },
    })
  }
  /** Throws InvalidInputError for a trigger, new or changed, that makes too many in its namespace. */
  const checkCount = ({ namespace, streams }: Source & Pick<Trigger, 'namespace'>, old?: Trigger): void => {
    const { all, patterns } = rows.countsOf(namespace)
    if (!old && all >= MAX.triggers) {
      throw invalid('namespace', `has ${MAX.triggers} triggers, which is the maximum`)
    }
    const isNewPattern = isGlob(streams) && !(old && isGlob(old.streams))
    if (isNewPattern && patterns >= MAX.patterns) {
      throw invalid(
        'imageStreams',
        `must be one name: the namespace has ${MAX.patterns} triggers with patterns, which is the maximum`,
      )
    }
  }
  /** Ends what a trigger has to do for tags that its source no longer matches; for all tags where the kind of the source changed. */
  const forgetOthers = (trigger: Trigger, isSameKind: boolean): void => {
    const tagIds = targets.deleteOthers(trigger.id, isSameKind ? trigger : null)
    deliveries.supersedeAll(trigger.id, tagIds, 'the source of the trigger was changed')
  }
  /** Stores a changed trigger with an audit entry. */
  const store = (tx: Transaction, viewer: Viewer, action: string, changed: Trigger): Trigger => {
    const trigger = { ...changed, updatedAt: now() }
    rows.update(trigger)
    targets.setTrigger(trigger.id, { lane: laneOf(trigger), isHeld: heldOf(trigger) })
    record(tx, viewer, action, trigger)
    tx.afterCommit(() => onChange(laneOf(trigger)))
    return trigger
  }

  return {
    byIds: rows.byIds,

    /** Returns a trigger of a namespace, in which the viewer needs the right. Throws ForbiddenError, UnauthenticatedError. */
    byName(viewer: Viewer, namespace: string, name: string): Trigger | undefined {
      requireInNamespace(viewer, 'configure', namespace)
      return rows.byName(namespace, name)
    },

    /** Throws NotFoundError. */
    find,

    /** Returns a page of the triggers of a namespace, or for null of all that the viewer may configure; its keys are [id]. Throws ForbiddenError, UnauthenticatedError. */
    page: (viewer: Viewer, namespace: string | null, page: KeysetPage): Trigger[] =>
      rows.page(namespacesOf(viewer, 'configure', namespace), page),

    /** Returns the number of the same triggers. */
    count: (viewer: Viewer, namespace: string | null): number =>
      rows.countOf(namespacesOf(viewer, 'configure', namespace)),

    /** Creates a trigger, which acts for moves from now on. Throws InvalidInputError, AlreadyExistsError, ForbiddenError. */
    create(viewer: Viewer, { namespace, action: given, guards, ...input }: NewTrigger): IssuedTrigger {
      requireInNamespace(viewer, 'configure', namespace)
      checkNamespace(namespace)
      const name = checkTriggerName(input.name)
      const source = ofViewer(viewer, checkSource(input, namespace), namespace, changeLog.head())
      const action = checkGiven(given)
      refuseMixedStreams(action.settings, source.streams)
      const checked = checkGuards(guards ?? {}, 'guards', now())
      return db.transact((tx) => {
        if (rows.byName(namespace, name)) {
          throw new AlreadyExistsError(`the namespace ${namespace} has a trigger ${name}`)
        }
        checkCount({ namespace, ...source })
        const at = now()
        const trigger = rows.insert({
          ...{ namespace, name, ...source, host: action.host, action: action.settings, uid: uuid() },
          guards: checked,
          ...{ since: changeLog.head(), createdBy: viewer.name, createdAt: at, updatedAt: at },
          ...NOT_PAUSED,
        })
        const secret = secrets.setGiven(tx, trigger, action)
        record(tx, viewer, 'createTrigger', trigger)
        tx.afterCommit(() => onChange(laneOf(trigger)))
        return { trigger, secret }
      })
    },

    /**
     * Changes a trigger. Secrets that are not given again are kept, except for another receiver: they are not sent to where they
     * were not meant for. What was approved before the change waits for another approval. A change of what is
     * done with the moves of base images needs the right to pull them. Throws NotFoundError, InvalidInputError, ForbiddenError.
     */
    update: (viewer: Viewer, { id, action: givenAction, guards, ...input }: TriggerChanges): IssuedTrigger =>
      db.transact((tx) => {
        const old = find(viewer, id)
        const given = { ...old, ...input }
        const bases = given.source === 'BASE_IMAGE' ? given.bases : (input.bases ?? null)
        const checked = checkSource({ ...given, bases }, old.namespace)
        const isSame = isDeepStrictEqual(checked, checkSource(old, old.namespace))
        const isReader = isSame && givenAction === undefined
        const source = isReader ? checked : ofViewer(viewer, checked, old.namespace, changeLog.head())
        checkCount({ ...old, ...source }, old)
        const action = givenAction && checkGiven(givenAction)
        const changed = {
          ...{ ...old, ...source, ...(isSame && { basesReadFrom: old.basesReadFrom }) },
          ...(action && { action: action.settings, host: action.host }),
          ...(guards !== undefined && { guards: checkGuards(guards ?? {}, 'guards', now()) }),
        }
        refuseMixedStreams(changed.action, changed.streams)
        if (!changed.guards.approval) requireApprover(viewer, old)
        if (action && !isSameReceiver(old, changed)) secrets.forget(tx, old)
        const secret = action ? secrets.setGiven(tx, changed, action) : null
        if (!isSame) forgetOthers(changed, changed.source === old.source)
        targets.withdrawApprovals(id)
        if (action) targets.planFailed(id)
        if (guards !== undefined) targets.judgeAgain(id)
        return { trigger: store(tx, viewer, 'updateTrigger', changed), secret }
      }),

    /** Adds a secret that signs beside the newest of those before it. Throws NotFoundError, InvalidInputError. */
    rotateSecret: (viewer: Viewer, id: number): IssuedTrigger =>
      db.transact((tx) => {
        const trigger = find(viewer, id)
        const secret = secrets.rotate(tx, trigger)
        return { trigger: store(tx, viewer, 'rotateTriggerSecret', trigger), secret }
      }),

    ...createPauses({ ...dependencies, find, store }),

    /** Deletes a trigger with its deliveries, and returns it. Throws NotFoundError, ForbiddenError. */
    delete: (viewer: Viewer, id: number): Trigger =>
      db.transact((tx) => {
        const trigger = find(viewer, id)
        requireApprover(viewer, trigger)
        rows.delete(id)
        record(tx, viewer, 'deleteTrigger', trigger)
        return trigger
      }),
  }
}

/** Lets only those end a trigger's guard who may approve for it. */
function requireApprover(viewer: Viewer, { guards }: Pick<Trigger, 'guards'>): void {
  if (guards.approval && !isAnonymous(viewer)) requirePerson(viewer)
}

const isSameReceiver = (
  one: Pick<Trigger, 'action' | 'host'>,
  other: Pick<Trigger, 'action' | 'host'>,
): boolean =>
  one.action.kind === other.action.kind &&
  originOf(one.action, one.host) === originOf(other.action, other.host)
