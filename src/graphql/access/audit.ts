import type { AuditEntry } from '../../access/audit/audit-entry.ts'
import type { AuditFilter } from '../../access/audit/audit-reads.ts'
import type { AuditVerification } from '../../access/audit/verification.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { namespaceIn } from '../kit/search-filter.ts'
import { enumType, objectType } from '../kit/types.ts'

registerRowNode('AuditEntry', {
  load: (sequence, { audit, viewer }) => audit.bySequence(viewer, sequence),
  access: 'load',
})

const AuditOutcomeEnum = enumType<AuditEntry['outcome']>('AuditOutcome', {
  description: 'Outcome of an action in the audit log.',
  values: {
    DONE: 'It was done.',
    REFUSED: 'It was not done: a right was missing, or a tag was protected.',
    FAILED: 'A sign-in failed: the credential was not valid.',
  },
})

const AuditEntryType = objectType<AuditEntry>('AuditEntry', {
  description:
    'What a principal did or was refused, when, from where and with which outcome. Entries are only added.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    principal: t.string(
      'Id of the principal: `user:12`, `token:7` or `rule:3`; `anonymous` without a credential, `system` for the server.',
    ),
    principalName: t.string('Name of the principal at that time.'),
    address: t.stringOrNull('Address of the client; null for the server’s own work.'),
    requestId: t.stringOrNull(
      'Id of the request, which the server’s log has too; null for the server’s own work.',
    ),
    action: t.string(
      'Name of the mutation, or of another action: `push`, `deleteManifest`, `deleteBlob`, `signIn`; `refusals` for the number of those that were not stored.',
    ),
    namespace: t.stringOrNull('Namespace of what was changed; null for what affects no single namespace.'),
    target: t.stringOrNull('What was changed, for example `team/app:v1`; null if there is nothing to name.'),
    outcome: t.one(AuditOutcomeEnum, 'Outcome of the action.'),
    details: t.string('Further facts, as a JSON object; without secrets.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the entry.',
      resolve: ({ sequence }) => nodeId('AuditEntry', sequence),
    }),
    occurredAt: t.expose('at', { type: 'DateTime', description: 'Time of the action.' }),
    hash: t.string({
      description:
        'SHA-256 in hexadecimal digits over this entry and the hash of the entry before it, as `auditVerification` computes it.',
      resolve: ({ hash }) => Buffer.from(hash).toString('hex'),
    }),
  }),
})

const AuditEntryConnection = connectionType('AuditEntry', AuditEntryType, { items: 'audit entries' })
const auditCursors = keyCursors<AuditEntry>('audit', ({ sequence }) => [sequence])

const AuditEntryFilter = inputType('AuditEntryFilter', {
  description: 'Filter for audit entries. All given fields must match.',
  fields: (t) => ({
    principal: t.string('Returns only entries of the principal with this id, for example `user:12`.'),
    action: t.string('Returns only entries of this action, for example `tagImage`.'),
    outcome: t.one(AuditOutcomeEnum, 'Returns only entries with this outcome.'),
    from: t.dateTime('Returns only entries at this time or later.'),
    until: t.dateTime('Returns only entries before this time.'),
  }),
})

builder.queryField('auditEntries', (t) =>
  t.field({
    type: AuditEntryConnection,
    description:
      'Returns the audit log, newest entry first. An admin of a namespace gives the namespace; without one, which requires a server admin, the entries of all namespaces are returned.',
    access: 'grant',
    example: `
      # Who moved or removed tags of a namespace, and who was refused.
      query AuditEntries {
        auditEntries(namespace: "default", first: 10) { nodes { occurredAt principalName address action target outcome } }
      }
    `,
    complexity: pageComplexity,
    args: {
      namespace: t.arg.string({
        description: 'Returns only entries of this namespace. If omitted, those of all, for server admins.',
      }),
      filter: t.arg({ type: AuditEntryFilter, description: 'Returns only entries that match.' }),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, filter, ...args }, { audit, viewer }, info) => {
      const { principal, action, outcome, from, until } = filter ?? {}
      const selected: AuditFilter = {
        namespace: namespaceIn(namespace) ?? undefined,
        principal: principal ?? undefined,
        action: action ?? undefined,
        outcome: outcome ?? undefined,
        from: from ?? undefined,
        until: until ?? undefined,
      }
      return connection(args, info, {
        cursors: auditCursors,
        rows: (page) => audit.page(viewer, selected, page),
        totalCount: () => audit.count(viewer, selected),
      })
    },
  }),
)

const AuditVerificationType = objectType<AuditVerification>('AuditVerification', {
  description: 'Result of comparing entries of the audit log with their hashes.',
  properties: (t) => ({
    checkedCount: t.int('Number of entries that were compared, at most 50,000.'),
    hasMore: t.boolean(
      'Whether later entries are left to compare: repeat the query with `lastPosition` and `lastHash`.',
    ),
  }),
  fields: (t) => ({
    isIntact: t.boolean({
      description: 'Whether every compared entry is as it was written.',
      resolve: ({ brokenAt }) => brokenAt === null,
    }),
    brokenPosition: t.expose('brokenAt', {
      type: 'Int',
      nullable: true,
      description:
        'Number of the first entry that was changed, removed or replaced; null if every compared entry is as it was written.',
    }),
    lastPosition: t.int({
      nullable: true,
      description: 'Number of the last entry that is as it was written; null if there is none.',
      resolve: ({ last }) => last?.sequence,
    }),
    lastHash: t.string({
      nullable: true,
      description:
        'Its hash. Keep it with its number outside of this server: a later verification from there shows also entries that were replaced with all their hashes, and removed newest entries.',
      resolve: ({ last }) => last && Buffer.from(last.hash).toString('hex'),
    }),
  }),
})

builder.queryField('auditVerification', (t) =>
  t.field({
    type: AuditVerificationType,
    description:
      'Compares entries of the audit log with their hashes, from the first entry on, or after an entry whose number and hash are known from an earlier verification.',
    access: 'server-admin',
    example: `
      # Shows whether entries of the audit log were changed or removed.
      query AuditVerification {
        auditVerification { isIntact checkedCount brokenPosition lastPosition lastHash hasMore }
      }
    `,
    complexity: 100,
    args: {
      afterPosition: t.arg.int({ description: 'Number of an entry, whose hash is `afterHash`.' }),
      afterHash: t.arg.string({ description: 'Hash of that entry, in hexadecimal digits.' }),
    },
    resolve: (_query, { afterPosition, afterHash }, { audit, viewer }) => {
      if ((afterPosition == null) !== (afterHash == null)) {
        throw new InvalidInputError('afterHash', 'give both "afterPosition" and "afterHash", or neither')
      }
      if (afterPosition == null || afterHash == null) return audit.verify(viewer)
      return audit.verify(viewer, { sequence: afterPosition, hash: Buffer.from(afterHash, 'hex') })
    },
  }),
)
