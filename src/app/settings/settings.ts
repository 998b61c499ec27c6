import { resolve } from 'node:path'
import { CLIENTS, SIGN_IN } from './client-settings.ts'
import { settings } from './setting.ts'
import {
  certificates,
  GIBIBYTE,
  host,
  keyId,
  list,
  MEBIBYTE,
  oneOf,
  origin,
  orNone,
  secret,
  times,
  wholeNumber,
} from './setting-kinds.ts'

const SERVER = settings({
  host: {
    fallback: '127.0.0.1',
    description:
      'address to listen on; an address that is not loopback also needs --sign-in or --open-to-everybody',
    parse: (text) => text,
  },
  /** 0 takes any free port. */
  port: { fallback: '4000', description: 'port to listen on', parse: wholeNumber(0, 65535) },
  ...SIGN_IN,
  /** Absolute path. */
  dataFolder: {
    flag: 'data',
    fallback: 'data',
    description: 'folder for all state',
    parse: (text) => resolve(text),
  },
  ...CLIENTS,
  /** Null keeps the change log forever. */
  changeLogDays: {
    description: 'days that the change log is kept; forever when not set',
    parse: orNone(wholeNumber(1, 36_500)),
  },
  logLevel: {
    fallback: 'info',
    description: 'trace, debug, info, warn, error or silent',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  },
})

const OTHER_REGISTRIES = settings({
  dockerConfig: {
    description: 'docker config.json with credentials for private registries',
    parse: orNone((text) => resolve(text)),
  },
  dockerConfigNamespaces: {
    description: 'namespaces that may use those credentials, separated by commas; * for all',
    parse: list,
  },
  /** Null is `credentials.key` in the data folder. */
  credentialsKeyFile: {
    description: 'file of the keys that seal registry credentials; credentials.key in the data folder',
    parse: orNone((text) => resolve(text)),
  },
  credentialsKey: {
    description: 'the same keys instead of a file, separated by commas: the first one seals',
    isSecret: true,
    inEnvironmentOnly: true,
    isText: true,
    parse: orNone((text) => text),
  },
  lostCredentialsKey: {
    description: 'id of a lost key: deletes the credentials that only this key could open',
    parse: orNone(keyId),
  },
  /** PEM certificates. */
  ca: {
    flag: 'ca-file',
    description: 'PEM certificates to trust in addition to the well-known ones',
    parse: certificates,
  },
  /** CIDRs. */
  privateNetworks: {
    description: 'private networks with registries in them: 10.20.0.0/16,fd12::/16',
    parse: list,
  },
  requestsPerRegistry: {
    fallback: '10',
    description: 'concurrent requests to one registry',
    parse: wholeNumber(1, 100),
  },
})

const IMPORTS = settings({
  importMode: {
    fallback: 'Legacy',
    description: 'import mode of streams that do not set one: Legacy or PreserveOriginal',
    parse: oneOf('Legacy', 'PreserveOriginal'),
  },
  /** Null imports all tags. */
  maximumTags: {
    description: 'most tags that one import of a repository takes; all when not set',
    parse: orNone(wholeNumber(1, 1_000_000)),
  },
  scheduleMinutes: {
    fallback: '15',
    description: 'minutes between two scheduled imports of a stream',
    parse: wholeNumber(1, 10_080),
  },
  scheduledImportsPerMinute: {
    fallback: '60',
    description: 'most streams whose scheduled imports begin in one minute',
    parse: wholeNumber(1, 6_000),
  },
  /** 0 uses no listing of a vendor. */
  fullScanHours: {
    fallback: '24',
    description:
      "hours between two full scans of a repository whose vendor's listing reports changes; 0 uses no vendor's listing",
    parse: wholeNumber(0, 8_760),
  },
  /** Null prunes only on request. */
  pruneHours: {
    description: 'hours between two prunings of what --keep-tag-revisions does not keep; none when not set',
    parse: orNone(wholeNumber(1, 8_760)),
  },
  pruneYoungerThanMinutes: {
    fallback: '60',
    description: 'minutes for which scheduled pruning keeps everything',
    parse: wholeNumber(0, 5_256_000),
  },
})

const REGISTRY = settings({
  /** `host[:port]` in pull specs; null is `localhost` with the server's port. */
  registryHost: {
    description:
      "host:port under which clients reach the registry; localhost with the server's port when not set",
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
  /** Null keeps untagged images forever. */
  untaggedDays: {
    description: 'days that pushed images are kept after no tag points to them; forever when not set',
    parse: orNone(wholeNumber(0, 36_500)),
  },
  keepTagRevisions: {
    fallback: '3',
    description: "how many of a tag's newest images --untagged-days and --prune-hours keep",
    parse: wholeNumber(1, 1_000),
  },
  /** 0 for no check. */
  scrubBytesPerSecond: {
    flag: 'scrub-mib-per-second',
    fallback: '8',
    description: 'MiB of blobs that are read and compared with their digests in a second; 0 for no check',
    parse: times(MEBIBYTE, wholeNumber(0, 10_000)),
  },
  /** Null collects garbage only on request. */
  collectHours: {
    fallback: '24',
    description: 'hours between two garbage collections; only on request when empty',
    parse: orNone(wholeNumber(1, 8_760)),
  },
  /** Null runs the integrated registry. */
  externalRegistry: {
    description: 'origin of a CNCF distribution registry that replaces the integrated one',
    parse: orNone(origin),
  },
  webhookSecret: {
    description: "secret of the external registry's notifications; better set in the environment",
    isSecret: true,
    parse: orNone(secret),
  },
})

/** All settings by their names in `Config`, in the order of `--help`. */
export const SETTINGS = { ...SERVER, ...OTHER_REGISTRIES, ...IMPORTS, ...REGISTRY }

/** The values of all settings, checked and frozen. */
export type Config = {
  readonly [Name in keyof typeof SETTINGS]: ReturnType<(typeof SETTINGS)[Name]['parse']>
}
