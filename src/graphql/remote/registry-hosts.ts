import type { AccountStatus } from '../../remote/traffic/accounts.ts'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { rowsOfList } from '../kit/list-page.ts'

const BreakerStateEnum = builder.enumType('BreakerState', {
  description: 'Whether another registry’s host is asked.',
  values: {
    CLOSED: { description: 'It is asked.' },
    OPEN: { description: 'It is left alone: what would be asked of it fails at once, as it failed last.' },
    HALF_OPEN: {
      description: 'The next request, alone, finds out whether it may be asked again; others wait for that.',
    },
  } as const,
})

const BreakerType = builder.objectRef<HostStatus['breaker']>('Breaker').implement({
  description:
    'Keeps a host from being asked, by everybody or as one account, while it asked to be left alone, or failed several times in a row.',
  fields: (t) => ({
    state: t.field({
      type: BreakerStateEnum,
      description: 'Whether the host is asked.',
      resolve: ({ state }) => state,
    }),
    since: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when it stands so; null while it is closed.',
      resolve: ({ since }) => since,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'What the host did last, for a person: `it answered 503`. Null while it is closed.',
    }),
    nextAttempt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'From when on it is tried again, by the next request; null while it is closed.',
      resolve: ({ nextAttempt }) => nextAttempt,
    }),
  }),
})

const RequestBudgetType = builder.objectRef<HostStatus['budgets'][number]>('RequestBudget').implement({
  description: 'What a host still gives to one account of this server, as its last answer said.',
  fields: (t) => ({
    remaining: t.field({
      type: 'BigInt',
      description: 'Requests that are left in the window: of Docker Hub, pulls.',
      resolve: ({ remaining }) => remaining,
    }),
    limit: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Requests that a window has; null where the host does not say.',
      resolve: ({ limit }) => limit,
    }),
    windowSeconds: t.int({
      nullable: true,
      description: 'How long the window is; null where the host does not say.',
      resolve: ({ window }) => window,
    }),
    source: t.exposeString('source', {
      nullable: true,
      description:
        'Whom the host counts, as it calls them: Docker Hub gives this server’s address, or the id of the user that it signs in as. Null where it does not say.',
    }),
    resetsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a new window begins; null where the host does not say.',
      resolve: ({ resetAt }) => resetAt,
    }),
    readAt: t.field({
      type: 'DateTime',
      description: 'When the host said so; longer ago than the window, it means nothing any more.',
      resolve: ({ readAt }) => readAt,
    }),
  }),
})

const RegistryAccountType = builder.objectRef<AccountStatus>('RegistryAccount').implement({
  description: 'How one account that a host is asked as stands with it. Which one it is is not told.',
  fields: (t) => ({
    signedIn: t.exposeBoolean('signedIn', {
      description:
        'Whether a credential is shown; without one the host takes it for anybody at this server’s address.',
    }),
    breaker: t.field({
      type: BreakerType,
      description:
        'Whether the host is asked as this account: one that has had enough of it (429) is still asked as the others.',
      resolve: ({ breaker }) => breaker,
    }),
    budget: t.field({
      type: RequestBudgetType,
      nullable: true,
      description: 'What the host still gives to this account; null where it does not say.',
      resolve: ({ budget }) => budget,
    }),
  }),
})

const RegistryHostType = builder.objectRef<HostStatus>('RegistryHost')
RegistryHostType.implement({
  description:
    'What goes on with a host that this server asked since it started: another registry’s, its token server’s, or one that it redirects to.',
  fields: (t) => ({
    host: t.exposeString('host', { description: 'Host and port, as pull specs spell it: `docker.io`.' }),
    inFlight: t.exposeInt('inFlight', { description: 'Requests that it is answering.' }),
    waiting: t.exposeInt('waiting', {
      description:
        'Requests that wait for their turn: for one of these to end, or for as many a second as are allowed.',
    }),
    concurrency: t.exposeInt('concurrency', {
      description:
        'Requests that it is sent at a time: what is allowed (`--requests-per-registry`, or its configuration’s `concurrency`), halved each time that it has too many, and one more each time that so many went well.',
    }),
    breaker: t.field({
      type: BreakerType,
      description: 'Whether it is asked at all, and if not why and until when.',
      resolve: ({ breaker }) => breaker,
    }),
    budgets: t.field({
      type: [RequestBudgetType],
      description:
        'What it still gives to each account, as in `accounts`, the one that it told last at the end; empty where it does not say.',
      resolve: ({ budgets }) => budgets,
    }),
    accounts: t.field({
      type: [RegistryAccountType],
      description:
        'The accounts as which it is not asked for now, or that it told what it still gives: at most 200, and none where all is well and nothing was told.',
      resolve: ({ accounts }) => accounts,
    }),
  }),
})

const RegistryHostConnection = connectionType('RegistryHost', RegistryHostType, { items: 'hosts' })

const keyOf = ({ host }: HostStatus): [string] => [host]
const cursors = keyCursors<HostStatus>('registries', keyOf, ['string'])

builder.queryField('registries', (t) =>
  t.field({
    type: RegistryHostConnection,
    description:
      'The hosts that this server asked lately, by name: how busy they are, whether they are left alone, and what they still give.',
    args: {
      host: t.arg.string({ description: 'Only this one, as pull specs spell it: `docker.io`.' }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { host, ...args }, { remoteHosts }, info) => {
      const page = pageOf(args, cursors, info)
      const hosts = remoteHosts()
        .filter((one) => host == null || one.host === host.toLowerCase())
        .sort((a, b) => (a.host < b.host ? -1 : 1))
      return new Connection({
        page,
        cursors,
        rows: () => rowsOfList(hosts, keyOf, page),
        totalCount: () => hosts.length,
      })
    },
  }),
)
