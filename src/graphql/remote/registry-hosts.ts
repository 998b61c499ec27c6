import type { AccountStatus } from '../../remote/traffic/accounts.ts'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { rowsOfList } from '../kit/list-page.ts'

const BreakerStateEnum = builder.enumType('BreakerState', {
  description: 'State of a circuit breaker.',
  values: {
    CLOSED: { description: 'Requests are sent.' },
    OPEN: { description: 'No requests are sent: they fail at once with the last failure.' },
    HALF_OPEN: {
      description: 'One request tests whether the host has recovered; other requests wait for its result.',
    },
  } as const,
})

const BreakerType = builder.objectRef<HostStatus['breaker']>('Breaker').implement({
  description:
    'A circuit breaker, for a whole host or for one account. It opens after repeated failures, or if the host requests a pause, and stops requests for a while.',
  fields: (t) => ({
    state: t.field({
      type: BreakerStateEnum,
      description: 'State of the circuit breaker.',
      resolve: ({ state }) => state,
    }),
    since: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time of the last change of the state; null while the state is `CLOSED`.',
      resolve: ({ since }) => since,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Human-readable last failure of the host, for example an error status; null while the state is `CLOSED`.',
    }),
    nextAttempt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time from which the next request tests the host; null while the state is `CLOSED`.',
      resolve: ({ nextAttempt }) => nextAttempt,
    }),
  }),
})

const RequestBudgetType = builder.objectRef<HostStatus['budgets'][number]>('RequestBudget').implement({
  description:
    'Remaining requests of one account at a host, from the rate limit headers of the host’s last response.',
  fields: (t) => ({
    remaining: t.field({
      type: 'BigInt',
      description: 'Number of requests that remain in the window; for Docker Hub, the number of pulls.',
      resolve: ({ remaining }) => remaining,
    }),
    limit: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Number of requests in a window; null if the host does not report it.',
      resolve: ({ limit }) => limit,
    }),
    windowSeconds: t.int({
      nullable: true,
      description: 'Length of the window in seconds; null if the host does not report it.',
      resolve: ({ window }) => window,
    }),
    source: t.exposeString('source', {
      nullable: true,
      description:
        'Client that the host counts, as the host names it: Docker Hub reports the IP address of this server, or the ID of the authenticated user. Null if the host does not report it.',
    }),
    resetsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the next window starts; null if the host does not report it.',
      resolve: ({ resetAt }) => resetAt,
    }),
    readAt: t.field({
      type: 'DateTime',
      description: 'Time of the host’s response. Values older than the window are outdated.',
      resolve: ({ readAt }) => readAt,
    }),
  }),
})

const RegistryAccountType = builder.objectRef<AccountStatus>('RegistryAccount').implement({
  description: 'State of one account at a registry host. The account’s name is not reported.',
  fields: (t) => ({
    signedIn: t.exposeBoolean('signedIn', {
      description:
        'Whether requests of the account contain a credential. The host counts requests without a credential by the IP address of this server.',
    }),
    breaker: t.field({
      type: BreakerType,
      description:
        'Circuit breaker of the account. If the host rejects one account (429), requests of other accounts continue.',
      resolve: ({ breaker }) => breaker,
    }),
    budget: t.field({
      type: RequestBudgetType,
      nullable: true,
      description: 'Remaining requests of the account; null if the host does not report them.',
      resolve: ({ budget }) => budget,
    }),
  }),
})

const RegistryHostType = builder.objectRef<HostStatus>('RegistryHost')
RegistryHostType.implement({
  description:
    'State of a host that this server requested since its start: a registry, a token server, or the target of a redirect.',
  fields: (t) => ({
    host: t.exposeString('host', { description: 'Host and port as in pull specs, for example `docker.io`.' }),
    inFlight: t.exposeInt('inFlight', {
      description: 'Number of requests that were sent and have no response yet.',
    }),
    waiting: t.exposeInt('waiting', {
      description:
        'Number of requests in the queue: they wait for running requests to finish, or for the limit of requests per second.',
    }),
    concurrency: t.exposeInt('concurrency', {
      description:
        'Number of concurrent requests to the host. It starts at the limit (`--requests-per-registry`, or `concurrency` of the configuration), is halved each time the host rejects requests because of their number, and increases by one after as many successes.',
    }),
    breaker: t.field({
      type: BreakerType,
      description: 'Circuit breaker of the host.',
      resolve: ({ breaker }) => breaker,
    }),
    budgets: t.field({
      type: [RequestBudgetType],
      description:
        'Remaining requests of each account, the most recently reported last; empty if the host does not report them.',
      resolve: ({ budgets }) => budgets,
    }),
    accounts: t.field({
      type: [RegistryAccountType],
      description:
        'Accounts whose circuit breaker is not closed, or whose remaining requests are known; at most 200. Empty if no account is limited.',
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
      'Returns the registry hosts that this server requested recently, by name, with their load, circuit breakers and remaining requests.',
    args: {
      host: t.arg.string({ description: 'Returns only this host, spelled as in pull specs: `docker.io`.' }),
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
