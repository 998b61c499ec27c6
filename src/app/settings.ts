import { resolve } from 'node:path'
import {
  certificates,
  GIBIBYTE,
  host,
  keyId,
  list,
  MEBIBYTE,
  oneOf,
  origin,
  origins,
  orNone,
  secret,
  times,
  wholeNumber,
} from './setting-kinds.ts'

/** Everything that can be set, checked; frozen. */
export interface Config {
  /** Address to listen on; loopback unless `openToEverybody`. */
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Whether other machines may reach the server, which asks nobody who they are. */
  readonly openToEverybody: boolean
  /** Absolute path of the folder that holds all state. */
  readonly dataFolder: string
  /** Path of a docker `config.json` with credentials for registries, or null. */
  readonly dockerConfig: string | null
  /** PEM certificates to trust beside the well-known ones. */
  readonly ca: readonly string[]
  /** Private networks in which registries may be reached, as CIDRs. */
  readonly privateNetworks: readonly string[]
  /** Origins of other sites whose pages may use the API. */
  readonly allowedOrigins: readonly string[]
  readonly importMode: 'Legacy' | 'PreserveOriginal'
  /** Tags that one import of a repository takes at most; null takes all. */
  readonly maximumTags: number | null
  /** Requests to one registry at a time. */
  readonly requestsPerRegistry: number
  /** Minutes from the end of one import to the next, of what is scheduled. */
  readonly scheduleMinutes: number
  /** Streams of which scheduled imports begin in one minute at most. */
  readonly scheduledImportsPerMinute: number
  /** Hours between two full sweeps of a repository whose vendor's listing is used; 0 uses none. */
  readonly fullSweepHours: number
  /** Days that the push log is kept; null keeps it for good. */
  readonly pushLogDays: number | null
  /** `host[:port]` under which clients reach the registry, for pull specs; null is this machine's own. */
  readonly registryHost: string | null
  /** Bytes of the largest blob that the integrated registry takes. */
  readonly maximumBlobBytes: number
  /** Bytes of disk that pushes leave free. */
  readonly minimumFreeBytes: number
  /** Days after which the integrated registry drops content that no tag means; null keeps it for good. */
  readonly untaggedDays: number | null
  /** How many of a tag's newest images count as tagged. */
  readonly keepTagRevisions: number
  /** Hours between two garbage collections; null leaves them to who asks. */
  readonly collectHours: number | null
  /** Hours between two runs of the pruner; null leaves them to who asks. */
  readonly pruneHours: number | null
  /** Minutes that the pruner keeps everything, when it runs by itself. */
  readonly pruneYoungerThanMinutes: number
  /** A registry that stands in for the integrated one, as an origin; null runs our own. */
  readonly externalRegistry: URL | null
  /** What the external registry's notifications are authorised by. */
  readonly webhookSecret: string | null
  /** Where senders of webhooks reach this server, as an origin; null is this machine's own. */
  readonly publicUrl: URL | null
  /** Path of the file with the keys that registry credentials are sealed with; null is one in the data folder. */
  readonly credentialsKeyFile: string | null
  /** These keys themselves, in place of a file. */
  readonly credentialsKey: string | null
  /** The id of such a key that is lost: what is sealed with it is deleted. */
  readonly lostCredentialsKey: string | null
  readonly logLevel: string
}

/** One setting: where its text comes from, and what it may be. */
export interface Setting<Value> {
  /** Command-line flag without dashes; in the environment IMAGESTREAMS_ and the same in capitals. */
  readonly flag: string
  readonly fallback: string
  readonly description: string
  /** Is not shown in errors, and not left in the environment for programs that are run. */
  readonly isSecret?: true
  /** Has no flag: other users of the machine see the command line. */
  readonly inEnvironmentOnly?: true
  /** Throws an Error that says what is allowed. */
  readonly parse: (text: string) => Value
}

/** All there are, by their names in the configuration. */
export const SETTINGS: { readonly [Name in keyof Config]: Setting<Config[Name]> } = {
  host: {
    flag: 'host',
    fallback: '127.0.0.1',
    description: 'address to listen on; anything but loopback also needs --open-to-everybody',
    parse: (text) => text,
  },
  port: { flag: 'port', fallback: '4000', description: 'port to listen on', parse: wholeNumber(0, 65535) },
  openToEverybody: {
    flag: 'open-to-everybody',
    fallback: 'false',
    description: 'true lets other machines in, all of which may read and change everything',
    parse: (text) => oneOf('true', 'false')(text) === 'true',
  },
  dataFolder: {
    flag: 'data',
    fallback: 'data',
    description: 'folder for all state',
    parse: (text) => resolve(text),
  },
  dockerConfig: {
    flag: 'docker-config',
    fallback: '',
    description: 'docker config.json with credentials for private registries',
    parse: orNone((text) => resolve(text)),
  },
  ca: {
    flag: 'ca-file',
    fallback: '',
    description: 'PEM certificates to trust beside the well-known ones',
    parse: certificates,
  },
  privateNetworks: {
    flag: 'private-networks',
    fallback: '',
    description: 'private networks with registries in them: 10.20.0.0/16,fd12::/16',
    parse: list,
  },
  allowedOrigins: {
    flag: 'allowed-origins',
    fallback: '',
    description: 'origins of other sites whose pages may use the API: https://ci.example.org',
    parse: origins,
  },
  importMode: {
    flag: 'import-mode',
    fallback: 'Legacy',
    description:
      'what streams take of an image for several platforms unless they say: Legacy or PreserveOriginal',
    parse: oneOf('Legacy', 'PreserveOriginal'),
  },
  maximumTags: {
    flag: 'maximum-tags',
    fallback: '',
    description: 'tags that one import of a repository takes at most; all when not set',
    parse: orNone(wholeNumber(1, 1_000_000)),
  },
  requestsPerRegistry: {
    flag: 'requests-per-registry',
    fallback: '10',
    description: 'requests to one registry at a time',
    parse: wholeNumber(1, 100),
  },
  scheduleMinutes: {
    flag: 'schedule-minutes',
    fallback: '15',
    description: 'minutes between two imports of what is scheduled',
    parse: wholeNumber(1, 10_080),
  },
  scheduledImportsPerMinute: {
    flag: 'scheduled-imports-per-minute',
    fallback: '60',
    description: 'streams whose scheduled imports begin in a minute at most',
    parse: wholeNumber(1, 6_000),
  },
  fullSweepHours: {
    flag: 'full-sweep-hours',
    fallback: '24',
    description:
      "hours after which every tag is asked for, where a vendor's listing tells what changed; 0 never asks for such a listing",
    parse: wholeNumber(0, 8_760),
  },
  pushLogDays: {
    flag: 'push-log-days',
    fallback: '',
    description: 'days that the push log is kept; for good when not set',
    parse: orNone(wholeNumber(1, 36_500)),
  },
  registryHost: {
    flag: 'registry-host',
    fallback: '',
    description: 'host:port under which clients reach the registry; localhost with our port when not set',
    parse: orNone(host),
  },
  maximumBlobBytes: {
    flag: 'maximum-blob-gib',
    fallback: '20',
    description: 'GiB of the largest layer that may be pushed',
    parse: times(GIBIBYTE, wholeNumber(1, 1024)),
  },
  minimumFreeBytes: {
    flag: 'minimum-free-mib',
    fallback: '256',
    description: 'MiB of disk that pushes leave free',
    parse: times(MEBIBYTE, wholeNumber(0, 1024 ** 2)),
  },
  untaggedDays: {
    flag: 'untagged-days',
    fallback: '',
    description: 'days that pushed images stay which no tag means any more; for good when not set',
    parse: orNone(wholeNumber(0, 36_500)),
  },
  keepTagRevisions: {
    flag: 'keep-tag-revisions',
    fallback: '3',
    description: "how many of a tag's newest images --untagged-days leaves alone",
    parse: wholeNumber(1, 1_000),
  },
  collectHours: {
    flag: 'collect-hours',
    fallback: '24',
    description: 'hours between two garbage collections; none by itself when empty',
    parse: orNone(wholeNumber(1, 8_760)),
  },
  pruneHours: {
    flag: 'prune-hours',
    fallback: '',
    description:
      'hours between two runs that forget what --keep-tag-revisions does not keep; none when not set',
    parse: orNone(wholeNumber(1, 8_760)),
  },
  pruneYoungerThanMinutes: {
    flag: 'prune-younger-than-minutes',
    fallback: '60',
    description: 'minutes that such a run keeps everything',
    parse: wholeNumber(0, 5_256_000),
  },
  externalRegistry: {
    flag: 'external-registry',
    fallback: '',
    description: 'origin of a CNCF distribution registry that stands in for the integrated one',
    parse: orNone(origin),
  },
  webhookSecret: {
    flag: 'webhook-secret',
    fallback: '',
    description: "secret of the external registry's notifications; better set in the environment",
    isSecret: true,
    parse: orNone(secret),
  },
  publicUrl: {
    flag: 'public-url',
    fallback: '',
    description: 'origin under which senders of webhooks reach this server: https://streams.example.org',
    parse: orNone(origin),
  },
  credentialsKeyFile: {
    flag: 'credentials-key-file',
    fallback: '',
    description: 'file of the keys that seal registry credentials; credentials.key in the data folder',
    parse: orNone((text) => resolve(text)),
  },
  credentialsKey: {
    flag: 'credentials-key',
    fallback: '',
    description: 'the same keys in place of a file, separated by commas: the first one seals',
    isSecret: true,
    inEnvironmentOnly: true,
    parse: orNone((text) => text),
  },
  lostCredentialsKey: {
    flag: 'lost-credentials-key',
    fallback: '',
    description: 'id of a key that is lost: deletes the credentials that only it could open',
    parse: orNone(keyId),
  },
  logLevel: {
    flag: 'log-level',
    fallback: 'info',
    description: 'trace, debug, info, warn, error or silent',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  },
}
