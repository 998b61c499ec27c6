import type { AuditRecorder } from '../access/audit/audit-log.ts'
import { namespacesOf, requireInNamespace, type Viewer } from '../access/right/viewer.ts'
import type { Transaction } from '../db/transact.ts'
import { createValueSteps } from '../db/value-steps.ts'
import type { Schedules } from '../imagestream/schedule/schedule.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { checkNamespace } from '../input/names.ts'
import type { KeysetPage } from '../input/page.ts'
import { checkRange } from '../input/range.ts'
import type { SenderKind } from '../vendors/senders.ts'
import type { Announcements } from './announcements.ts'
import type { ReceiverContext } from './context.ts'
import type { Receiver } from './receiver.ts'
import {
  checkAliases,
  checkRegistry,
  checkRepositories,
  checkSettings,
  type ReceiverScopeInput,
} from './receiver-input.ts'
import { createReceiverRows } from './receiver-rows.ts'

/** A new receiver. */
export interface CreateReceiver extends ReceiverScopeInput {
  readonly namespace: string
  readonly sender: SenderKind
}

/** Changes of a receiver; null and undefined leave a field as it is. */
export interface UpdateReceiver extends ReceiverScopeInput {
  readonly id: number
  readonly enabled?: boolean | null | undefined
  /** True to make the newest secret the only valid one. */
  readonly dropOldSecret: boolean
}

/** A receiver with its new secret, which cannot be read again; null for senders whose platform signs deliveries. */
export interface IssuedReceiver {
  readonly receiver: Receiver
  readonly secret: string | null
}

export interface ReceiversDependencies extends ReceiverContext {
  readonly audit: AuditRecorder
  /** Returns an unpredictable key for a URL. */
  readonly randomKey: () => string
  readonly announcements: Pick<Announcements, 'forget'>
  readonly schedules: Pick<Schedules, 'quicken'>
}

/** The receivers of all namespaces. */
export type Receivers = ReturnType<typeof createReceivers>

/** Receivers of one namespace. */
export const MAX_RECEIVERS = 200

/** Longest time for which a rotated secret stays valid: 90 days. */
export const MAX_OVERLAP_MINUTES = 90 * 24 * 60

/** Creates the receivers of all namespaces. */
export function createReceivers(dependencies: ReceiversDependencies) {
  const { db, audit, senders, secrets, randomKey, now, announcements, schedules } = dependencies
  const { insert, update, delete: remove, page, countOf, ...rows } = createReceiverRows(db)

  const find = (viewer: Viewer, id: number): Receiver => {
    const receiver = rows.byIds([id]).get(id)
    const isSeen = receiver && viewer.rights.mayInNamespace('configure', receiver.namespace)
    if (!isSeen) throw new NotFoundError('no receiver has this id')
    return receiver
  }
  const record = (tx: Transaction, viewer: Viewer, action: string, receiver: Receiver): void => {
    const { id, namespace, sender, registry } = receiver
    audit.record(tx, viewer, { action, namespace, target: `receiver ${id}`, details: { sender, registry } })
  }
  const issue = (tx: Transaction, receiver: Receiver, oldUntil: number | null): string | null =>
    senders[receiver.sender].authenticity === 'JWT' ? null : secrets.issue(tx, receiver, oldUntil)
  /** Restores the usual polling of the sources of a receiver that is disabled or deleted, or gets another scope. */
  const quicken = (tx: Transaction, id: number): void => schedules.quicken(tx, announcements.forget(tx, id))

  return {
    ...rows,

    /** The namespaces of the receivers. */
    namespaces: createValueSteps(db, {
      ...{ table: 'webhooks', column: 'namespace', index: 'webhooks_by_namespace' },
    }),

    /** Returns a page of the receivers of a namespace, or for null of all that the viewer may configure; its keys are [id]. Throws ForbiddenError, UnauthenticatedError. */
    page: (viewer: Viewer, namespace: string | null, keys: KeysetPage): Receiver[] =>
      page(namespacesOf(viewer, 'configure', namespace), keys),

    /** Returns the number of the same receivers. */
    count: (viewer: Viewer, namespace: string | null): number =>
      countOf(namespacesOf(viewer, 'configure', namespace)),

    /** Returns a receiver, of whose namespace the viewer has the right `configure`. Throws NotFoundError. */
    find,

    /** Creates a receiver. Throws InvalidInputError, ForbiddenError. */
    create(viewer: Viewer, { namespace, sender: kind, ...input }: CreateReceiver): IssuedReceiver {
      requireInNamespace(viewer, 'configure', namespace)
      checkNamespace(namespace)
      const sender = senders[kind]
      const registry = checkRegistry(input.registry, sender)
      const scope = {
        registry,
        aliases: checkAliases(input.aliases ?? []),
        repositories: checkRepositories(input.repositories ?? [], registry),
        settings: checkSettings(input.settings ?? {}, sender),
      }
      return db.transact((tx) => {
        if (countOf([namespace]) >= MAX_RECEIVERS) {
          throw new InvalidInputError('namespace', `a namespace has at most ${MAX_RECEIVERS} receivers`)
        }
        const id = insert({ key: randomKey(), namespace, sender: kind, ...scope, at: now() })
        const receiver = find(viewer, id)
        record(tx, viewer, 'createReceiver', receiver)
        return { receiver, secret: issue(tx, receiver, null) }
      })
    },

    /** Changes a receiver. Throws NotFoundError, InvalidInputError. */
    update: (viewer: Viewer, { id, enabled, dropOldSecret, ...input }: UpdateReceiver): Receiver =>
      db.transact((tx) => {
        const old = find(viewer, id)
        const sender = senders[old.sender]
        const registry = input.registry == null ? old.registry : checkRegistry(input.registry, sender)
        const { aliases, repositories, settings } = input
        update(id, {
          registry,
          aliases: aliases ? checkAliases(aliases) : old.aliases,
          repositories: repositories ? checkRepositories(repositories, registry) : old.repositories,
          settings: settings ? checkSettings({ ...old.settings, ...settings }, sender) : old.settings,
          enabled: enabled ?? old.enabled,
          at: now(),
        })
        if (dropOldSecret) secrets.dropOld(tx, id)
        const updated = find(viewer, id)
        record(tx, viewer, 'updateReceiver', updated)
        if (!updated.enabled || registry !== old.registry || repositories) quicken(tx, id)
        return updated
      }),

    /**
     * Creates a new secret. The old one stays valid for `keepOldMinutes`, at most `MAX_OVERLAP_MINUTES`; null: until it is
     * dropped. Throws NotFoundError, InvalidInputError.
     */
    rotate: (viewer: Viewer, id: number, keepOldMinutes: number | null): IssuedReceiver =>
      db.transact((tx) => {
        const receiver = find(viewer, id)
        if (keepOldMinutes !== null) checkRange('keepOldMinutes', keepOldMinutes, 0, MAX_OVERLAP_MINUTES)
        const { authenticity, title } = senders[receiver.sender]
        if (authenticity === 'JWT') {
          throw new InvalidInputError(
            'id',
            `there is no secret to rotate: ${title} signs deliveries with its own keys`,
          )
        }
        record(tx, viewer, 'rotateReceiverSecret', receiver)
        return {
          receiver,
          secret: issue(tx, receiver, keepOldMinutes === null ? null : now() + keepOldMinutes * 60_000),
        }
      }),

    /** Deletes a receiver, and returns it. Throws NotFoundError. */
    delete: (viewer: Viewer, id: number): Receiver =>
      db.transact((tx) => {
        const receiver = find(viewer, id)
        record(tx, viewer, 'deleteReceiver', receiver)
        quicken(tx, id)
        remove(id)
        return receiver
      }),

    /** Records that the viewer sends the receiver a delivery. */
    recordTest: (viewer: Viewer, receiver: Receiver): void =>
      db.transact((tx) => record(tx, viewer, 'testReceiver', receiver)),

    /** Returns the lifetimes of the valid secrets of each receiver. */
    secretsOf: secrets.live,
  }
}
