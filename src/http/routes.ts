import type { IncomingMessage, ServerResponse } from 'node:http'
import { FIRST_ADMIN_PATH } from '../access/first-admin.ts'
import { networkOf } from '../access/identity/network.ts'
import type { Viewer } from '../access/right/viewer.ts'
import type { SignInPages } from '../access/sign-in/sign-in.ts'
import type { Problem } from '../health/problem.ts'
import type { Registry, RegistryRequestContext } from '../registry/registry.ts'
import { TOKEN_PATH } from '../registry/sign-in/challenge.ts'
import type { TokenEndpoint } from '../registry/sign-in/token-endpoint.ts'
import type { BodyMemory } from '../request-body/body-budget.ts'
import { respondJson } from '../request-body/respond.ts'
import { FILES_PATH, type GraphiQL, wantsGraphiQL } from './endpoints/graphiql.ts'
import { respondGraphQL } from './endpoints/graphql.ts'
import type { DeliveryEndpoint } from './endpoints/receiver-delivery.ts'
import { respondFirstAdmin, respondSignOut, type SignIn } from './endpoints/sign-in.ts'
import { respondSignInPage } from './endpoints/sign-in-pages.ts'
import type { Metrics } from './metrics/metrics.ts'
import { respondMetrics } from './metrics/respond-metrics.ts'
import { GRAPHQL_PATH, type GraphQLEntry } from './pipeline/pipeline.ts'
import type { RateLimit } from './request/rate-limit.ts'
import { type HttpExchange, refuse, refuseToRegistryClient } from './request/response.ts'
import { forAnyone, forSecret, forViewer, forViewerOfEverything, type HttpRoute } from './request/route.ts'
import { mayCauseWork, NOT_OUR_ORIGIN, partyOf } from './request/sender.ts'

/** The endpoints of other rooms, each undefined where it is not enabled. */
export interface HttpEndpoints {
  /** The integrated registry: handles every request below `/v2/`. */
  readonly registry?: Pick<Registry, 'handle'> | undefined
  /** Exchanges credentials for tokens that live for minutes. */
  readonly respondToken?: TokenEndpoint | undefined
  /** Receives notifications of an external registry. */
  readonly notifications?: NotificationListener | undefined
  /** Receives deliveries of webhooks. */
  readonly deliveries?: DeliveryEndpoint | undefined
  readonly metrics?: Omit<Metrics, 'observe'> | undefined
  /** Sessions of browsers; undefined for a server without sign-in. */
  readonly signIn?: SignIn | undefined
  /** Pages and endpoints at which people sign in; undefined for a server without sign-in. */
  readonly signInPages?: SignInPages | undefined
  /** Returns the public keys with which receivers verify requests of triggers. */
  readonly webhookKeys?: (() => readonly string[]) | undefined
}

/** Handles the notifications that an external registry sends about pushes. */
export type NotificationListener = (
  request: IncomingMessage,
  response: ServerResponse,
  memory: BodyMemory,
) => Promise<void>

/** What the routes serve. */
export interface RouteOptions extends GraphQLEntry {
  readonly endpoints: HttpEndpoints
  /** Requests of each party to the registry, its token endpoint and those for sign-in. */
  readonly requests: RateLimit
  /** Returns why the server cannot serve all requests (`/readyz`). */
  readonly problems: () => readonly Problem[]
  readonly graphiql: GraphiQL
  /** Version of the program, for `/healthz`. */
  readonly version: string | undefined
}

/** Path to which an external registry sends its notifications. */
const NOTIFICATIONS_PATH = '/webhooks/registry'
const REGISTRY_PATH = '/v2'
/** Path of the public keys with which receivers verify requests of triggers. */
const WEBHOOK_KEYS_PATH = '/.well-known/imagestreams/webhook-keys'

/** The routes by path: exact ones, and those of all paths below one. Deliveries to receivers are found by their secret path. */
export interface Routes {
  readonly at: ReadonlyMap<string, HttpRoute>
  readonly below: ReadonlyMap<string, HttpRoute>
}

/** Returns the one table of routes, of the endpoints that are enabled. Each route is made with what it requires. */
export function createRoutes(options: RouteOptions): Routes {
  const { endpoints, graphiql, problems, version } = options
  const { registry, respondToken, notifications, metrics, signIn, signInPages, webhookKeys } = endpoints
  const page = forAnyone(({ request, response }) => graphiql.respondPage(request, response))
  const operations = forViewer((exchange) =>
    mayCauseWork(exchange.request, options.origins)
      ? respondGraphQL(options, exchange)
      : refuse(exchange.response, 403, 'FORBIDDEN', NOT_OUR_ORIGIN),
  )
  return {
    at: routesOf({
      '/': forAnyone(({ response }) =>
        respondJson(response, 302, { location: GRAPHQL_PATH }, { Location: GRAPHQL_PATH }),
      ),
      '/healthz': underAnyName(
        forAnyone(({ response }) => respondJson(response, 200, { status: 'ok', version })),
      ),
      '/readyz': underAnyName(
        forAnyone(({ response }) => {
          const found = problems()
          if (found.length === 0) respondJson(response, 200, { status: 'ready' })
          else respondJson(response, 503, { status: 'not ready', problems: found })
        }),
      ),
      '/metrics':
        metrics &&
        forViewerOfEverything(({ request, response }) => respondMetrics(metrics, request, response)),
      [GRAPHQL_PATH]: {
        access: operations.access,
        respond: (exchange, viewer) =>
          (wantsGraphiQL(exchange.request) ? page : operations).respond(exchange, viewer),
      },
      [NOTIFICATIONS_PATH]: notifications && {
        ...underAnyName(
          forSecret(({ request, response, memory }) => {
            countResponse(metrics, 'registry', response)
            return notifications(request, response, memory)
          }),
        ),
        isForSenders: true,
      },
      [FIRST_ADMIN_PATH]:
        signIn && signInRoute((exchange) => respondFirstAdmin(signIn, exchange, options.origins), options),
      ...Object.fromEntries(
        signInPages?.paths.map((path) => [
          path,
          signInRoute((exchange) => respondSignInPage(signInPages, exchange, options.origins), options),
        ]) ?? [],
      ),
      [TOKEN_PATH]: respondToken && registryRoute(respondToken, options),
      [WEBHOOK_KEYS_PATH]:
        webhookKeys && forAnyone(({ response }) => respondJson(response, 200, { keys: webhookKeys() })),
      '/sign-out': signIn && forViewer((exchange) => respondSignOut(signIn, exchange)),
    }),
    below: routesOf({
      [REGISTRY_PATH]: registry && { ...registryRoute(registry.handle, options), hasOwnDeadline: true },
      [FILES_PATH]: forAnyone(({ request, response }) => graphiql.respondFile(request, response)),
    }),
  }
}

/** Returns a route at which people and programs sign in, whose requests are counted by address. */
const signInRoute = (respond: (exchange: HttpExchange) => unknown, { requests }: RouteOptions): HttpRoute =>
  forSecret((exchange) => {
    countRequest(requests, exchange.response, networkOf(exchange.address))
    return respond(exchange)
  })

/** Counts a request of a party; the headers of the response say what is left. Throws RateLimitedError. */
function countRequest(requests: RateLimit, response: ServerResponse, party: string): void {
  try {
    requests.admit(party)
  } finally {
    response.setHeaders(requests.headers(party))
  }
}

const underAnyName = (route: HttpRoute): HttpRoute => ({ ...route, anyHost: true })

type RegistryRequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  context: RegistryRequestContext,
) => Promise<void>

/** Returns a route of the registry, which counts its requests and finds out itself who sends a request, and responds to others with a challenge. */
const registryRoute = (handle: RegistryRequestHandler, { origins, requests }: RouteOptions): HttpRoute => ({
  access: 'viewer',
  isOfRegistry: true,
  respond({ request, response, requestId, address, memory }) {
    // registry clients send no Origin: a page of another site must not push through the browser of its reader
    if (!mayCauseWork(request, origins)) return refuseToRegistryClient(response, 403, NOT_OUR_ORIGIN)
    const admit = (viewer: Viewer): void => countRequest(requests, response, partyOf(viewer))
    return handle(request, response, { address, requestId, memory, admit })
  },
})

const routesOf = (routes: Readonly<Record<string, HttpRoute | undefined>>): Map<string, HttpRoute> =>
  new Map(Object.entries(routes).flatMap(([path, route]) => (route ? [[path, route] as const] : [])))

/** Returns the route of a path; undefined for an unknown one. */
export function routeOf({ at, below }: Routes, path: string): HttpRoute | undefined {
  const exact = at.get(path)
  if (exact) return exact
  for (const [folder, route] of below) if (path === folder || path.startsWith(`${folder}/`)) return route
  return undefined
}

/** Counts the response to a delivery or notification. */
export function countResponse(
  metrics: HttpEndpoints['metrics'],
  sender: string,
  response: ServerResponse,
): void {
  response.once('finish', () => metrics?.deliveryAnswered(sender, response.statusCode))
}
