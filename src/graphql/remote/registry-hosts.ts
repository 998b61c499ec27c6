import type { AccountStatus } from '../../remote/traffic/accounts.ts'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import type { RequestBudget } from '../../remote/traffic/quota-headers.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { enumType, objectType } from '../kit/types.ts'

const CircuitBreakerStateEnum = enumType('CircuitBreakerState', {
  description: 'State of a circuit breaker.',
  values: {
    CLOSED: 'Requests are sent.',
    OPEN: 'No requests are sent: they fail at once with the last failure.',
    HALF_OPEN: 'One request tests whether the host has recovered; other requests wait for its result.',
  },
})

const CircuitBreakerType = objectType<HostStatus['breaker']>('CircuitBreaker', {
  description:
    'A circuit breaker, for a whole host, one repository or one account. It opens after repeated failures, or if the host requests a pause, and stops requests for a while.',
  properties: (t) => ({
    state: t.one(CircuitBreakerStateEnum, 'State of the circuit breaker.'),
    message: t.stringOrNull(
      'Explanation for people of the last failure of the host, for example an error status; null while the state is `CLOSED`.',
    ),
    nextAttemptAt: t.dateTimeOrNull(
      'Time from which the next request tests the host; null while the state is `CLOSED`.',
    ),
  }),
  fields: (t) => ({
    changedAt: t.expose('since', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the last change of the state; null while the state is `CLOSED`.',
    }),
  }),
})

const RequestBudgetType = objectType<RequestBudget>('RequestBudget', {
  description:
    'Remaining requests of one account at a host, from the rate limit headers of the host’s last response.',
  properties: (t) => ({
    limit: t.bigIntOrNull('Number of requests in a window; null if the host does not report it.'),
    source: t.stringOrNull(
      'Client that the host counts, as the host names it: Docker Hub reports the IP address of this server, or the ID of the authenticated user. Null if the host does not report it.',
    ),
    readAt: t.dateTime('Time of the host’s response. Values older than the window are outdated.'),
  }),
  fields: (t) => ({
    remainingCount: t.expose('remaining', {
      type: 'BigInt',
      description: 'Number of requests that remain in the window; for Docker Hub, the number of pulls.',
    }),
    windowSeconds: t.exposeInt('window', {
      nullable: true,
      description: 'Length of the window in seconds; null if the host does not report it.',
    }),
    resetsAt: t.expose('resetAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the next window starts; null if the host does not report it.',
    }),
  }),
})

const RegistryAccountType = objectType<AccountStatus>('RegistryAccount', {
  description: 'State of one account at a registry host. The account’s name is not reported.',
  properties: (t) => ({
    isSignedIn: t.boolean(
      'Whether requests of the account contain a credential. The host counts requests without a credential by the IP address of this server.',
    ),
    budget: t.oneOrNull(
      RequestBudgetType,
      'Remaining requests of the account; null if the host does not report them.',
    ),
  }),
  fields: (t) => ({
    circuitBreaker: t.expose('breaker', {
      type: CircuitBreakerType,
      description:
        'Circuit breaker of the account. If the host rejects one account (429), requests of other accounts continue.',
    }),
  }),
})

registerNode('RegistryHost', {
  load: (host, { remoteHosts }) => remoteHosts().find((one) => one.host === host),
  access: 'server-admin',
})

const RegistryHostType = builder.objectRef<HostStatus>('RegistryHost')
objectType(RegistryHostType, {
  description:
    'State of a host that this server requested since its start: a registry, a token server, or the target of a redirect. The server forgets hosts that it has not requested for a while.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    host: t.string('Host and port as in pull specs, for example `docker.io`.'),
    concurrency: t.int(
      'Number of concurrent requests to the host. It starts at the limit (`--requests-per-registry`, or `concurrency` of the configuration), is halved each time the host rejects requests because of their number, and increases by one after as many successes.',
    ),
    accounts: t.list(
      RegistryAccountType,
      'Accounts whose circuit breaker is not closed, or whose remaining requests are known; at most 200, because the server remembers no more. Empty if no account is limited.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the host, which depends on its name only.',
      resolve: ({ host }) => nodeId('RegistryHost', host),
    }),
    inFlightCount: t.exposeInt('inFlight', {
      description: 'Number of requests that were sent and whose response is not complete.',
    }),
    waitingCount: t.exposeInt('waiting', {
      description:
        'Number of requests in the queue: they wait for running requests to finish, or for the limit of requests per second.',
    }),
    circuitBreaker: t.expose('breaker', {
      type: CircuitBreakerType,
      description:
        'Circuit breaker of the host; while it is closed, that of a repository that fails, whose requests alone are stopped.',
    }),
  }),
})

const RegistryHostConnection = connectionType('RegistryHost', RegistryHostType, { items: 'hosts' })

const keyOf = ({ host }: HostStatus): [string] => [host]
const cursors = keyCursors<HostStatus>('registryHosts', keyOf, ['string'])

builder.queryField('registryHosts', (t) =>
  t.field({
    type: RegistryHostConnection,
    description:
      'Returns the registry hosts that this server requested recently, by name, with their load, circuit breakers and remaining requests.',
    access: 'server-admin',
    example: `
      # Registries that were requested recently, and whether they respond.
      query RegistryHosts {
        registryHosts(first: 10) { nodes { host inFlightCount waitingCount circuitBreaker { state } } }
      }
    `,
    args: {
      host: t.arg.string({ description: 'Returns only this host, spelled as in pull specs: `docker.io`.' }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { host, ...args }, { remoteHosts }, info) => {
      const hosts = remoteHosts()
        .filter((one) => host == null || one.host === host.toLowerCase())
        .sort((a, b) => (a.host < b.host ? -1 : 1))
      return listConnection(args, info, { cursors, keyOf, items: hosts })
    },
  }),
)
