import { settings } from './setting.ts'
import { hostNames, issuer, networks, oneOf, origin, origins, orNone, wholeNumber } from './setting-kinds.ts'

/** Who may do what: people and their provider, or everyone. */
export const SIGN_IN = settings({
  /** Null leaves the server open: every client may do everything. */
  signIn: {
    description:
      'oidc, the default with --oidc-issuer: people sign in with a provider; tokens: with access tokens alone; open when not set',
    parse: orNone(oneOf('tokens', 'oidc')),
  },
  /** The OpenID provider of the team; null for none. */
  oidcIssuer: {
    description: 'URL of the OpenID provider with which people sign in: https://login.example.org/team',
    parse: orNone(issuer),
  },
  oidcClientId: {
    description:
      'client id of this server at the provider; its redirect URI is <public-url>/sign-in/callback',
    parse: orNone((text) => text),
  },
  /** Null for a public client. */
  oidcClientSecret: {
    description: 'client secret of this server at the provider; none for a public client',
    isSecret: true,
    inEnvironmentOnly: true,
    parse: orNone((text) => text),
  },
  oidcGroupsClaim: {
    fallback: 'groups',
    description:
      "claim with the names of a person's groups; /realm_access/roles for a claim inside of others",
    parse: (text) => text,
  },
  /** Whether to print a link for a session of the local admin although there is a server admin. */
  adminLink: {
    fallback: 'false',
    description: 'true prints a link for a new session of the local admin, also when there is a server admin',
    parse: (text) => oneOf('true', 'false')(text) === 'true',
  },
  /** Whether other machines may reach the server without sign-in. */
  openToEverybody: {
    fallback: 'false',
    description:
      'true lets other machines connect without sign-in; every client may then read and change everything',
    parse: (text) => oneOf('true', 'false')(text) === 'true',
  },
})

/** Names and pages by which clients reach the server, and how much each may use of it. */
export const CLIENTS = settings({
  allowedOrigins: {
    description: 'origins of other sites whose pages may use the API: https://ci.example.org',
    parse: origins,
  },
  /** Names beside those of the other settings, and those that only the local network resolves. */
  allowedHosts: {
    description:
      'further names under which clients may address this server: registry.example.org,*.team.example.org',
    parse: hostNames,
  },
  /** Null is this machine's own origin. */
  publicUrl: {
    description: 'origin under which clients reach this server: https://streams.example.org',
    parse: orNone(origin),
  },
  /** Addresses and networks. */
  trustedProxies: {
    description:
      'addresses of reverse proxies whose X-Forwarded-For names the address of each client: 127.0.0.1,10.20.0.0/16',
    parse: networks,
  },
  connectionsPerAddress: {
    fallback: '1000',
    description:
      'connections from one address at a time; behind --trusted-proxies, requests and WebSockets of a client',
    parse: wholeNumber(1, 20_000),
  },
  connectionsPerPrincipal: {
    fallback: '1000',
    description: 'WebSockets and event streams of one person, access token or federation rule at a time',
    parse: wholeNumber(1, 20_000),
  },
  drainSeconds: {
    fallback: '8',
    description: 'seconds for which requests and pushes that run may finish when the server stops',
    parse: wholeNumber(0, 3_600),
  },
  /** 0 for no limit. */
  costPerMinute: {
    fallback: '120000',
    description:
      'points that the GraphQL operations of one client may cost in a minute: one for each operation, millisecond of work, 1,000 values and 64 KiB; 0 for no limit',
    parse: wholeNumber(0, 1_000_000_000),
  },
  /** 0 for no limit. */
  requestsPerMinute: {
    fallback: '60000',
    description: 'requests of one client to the registry and for sign-in in a minute; 0 for no limit',
    parse: wholeNumber(0, 1_000_000_000),
  },
  /** 0 for no limit. */
  failedSignInsPerMinute: {
    fallback: '60',
    description: 'different wrong credentials that one address may present in a minute; 0 for no limit',
    parse: wholeNumber(0, 1_000_000),
  },
})
