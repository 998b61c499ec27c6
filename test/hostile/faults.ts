import type { Threat } from './threats.ts'

const crash = 'faults/crash.test.ts'
const pushes = 'faults/registry-crash.test.ts'
const subscribers = 'hostile/subscribers.test.ts'
const runner = 'imagestream/schedule-runner.test.ts'

/** Faults of the process, the disk, the clock and other servers, and the tests that show what holds. */
export const FAULTS: Readonly<Record<string, Threat>> = {
  'kill -9, push': {
    tried: 'a kill between the bytes, the manifest, the tag and its event',
    tests: [[pushes, 'every acknowledged one stays complete and is reported once']],
  },
  'kill -9, import': {
    tried: 'a kill during imports, mirrorings, writes of streams and moves of many followers',
    tests: [
      [crash, 'a subscriber receives every push once, in order, while the server is killed'],
      [crash, 'acknowledged streams exist after a kill, and the others exist completely or not at all'],
      ['faults/mirroring-crash.test.ts', 'mirrorings that were acknowledged finish'],
      ['imagestream/waiting-followers.test.ts', 'followers that waited when the process ended are moved'],
    ],
  },
  'power loss': {
    tried: 'missing, torn and reordered sectors of the log',
    tests: [
      ['faults/power-cuts.test.ts', 'every acknowledged push is there'],
      ['faults/log-power-cuts.test.ts', 'after a loss of power the synced commits are there'],
      ['db/open.test.ts', 'syncs every commit to disk'],
    ],
  },
  ENOSPC: {
    tried: 'a full disk and a full database',
    tests: [
      ['faults/full-disk.test.ts', 'is UNAVAILABLE; imports and mirrorings that it interrupted end'],
      ['faults/full-disk.test.ts', 'refuses sign-ins and the end of a session with what to do'],
      ['registry/upload-full.test.ts', 'still serves content, and accepts pushes again when there is space'],
    ],
  },
  'read-only disk': {
    tried: 'folders that become read-only',
    tests: [['flows/read-only-disk.test.ts', 'fail pushes and mirrorings with what to do']],
  },
  'fsync EIO': {
    tried: 'a disk that fails to sync',
    tests: [
      ['faults/failing-disk.test.ts', 'of a server whose disk fails at %s every acknowledged write is there'],
      ['db/transact.test.ts', 'is reported as fatal: its rows may be on disk'],
    ],
  },
  BUSY: {
    tried: 'a second process',
    tests: [['db/open.test.ts', 'is refused while the first has the database open']],
  },
  'corrupt or foreign file': {
    tried: 'a damaged database, and one of another program',
    tests: [
      ['db/open.test.ts', 'is refused when it is damaged'],
      [
        'flows/settings.test.ts',
        'if its data folder has a database of another program, which is not changed',
      ],
    ],
  },
  'clock jump': {
    tried: 'a clock that is set forward and back',
    tests: [
      ['flows/clock-jumps.test.ts', 'a clock that jumps ends no session or token early'],
      [runner, 'that is set back by a year does not stop imports'],
      ['concurrency/periodic.test.ts', 'runs an interval after it notices that the clock was set back'],
      ['remote/traffic/circuit-breaker.test.ts', 'is not open for longer when the clock is set back'],
      ['access/federation/issuers.test.ts', 'also when the clock was set back in between'],
    ],
  },
  'half-open connection': {
    tried: 'clients that stop reading, and that disappear',
    tests: [
      [
        subscribers,
        'does not delay the others or use memory, is closed with 1013, and resumes without a gap',
      ],
      [subscribers, 'is detected by missing pongs'],
    ],
  },
  SIGTERM: {
    tried: 'the end of the process during requests and imports',
    tests: [
      ['flows/settings.test.ts', 'exits with 0 on SIGTERM and SIGINT, and continues imports'],
      ['http/server.test.ts', 'waits a bounded time for requests that do not finish'],
    ],
  },
}

/** Properties that hold for random cases, by their number in the list of threats. */
export const PROPERTIES: Readonly<Record<number, Threat>> = {
  1: {
    tried: 'references, parsed and formatted',
    tests: [['oci/reference.test.ts', 'are inverse, with all defaults']],
  },
  2: {
    tried: 'histories of tags',
    tests: [['imagestream/history.test.ts', 'has the observed history, newest first']],
  },
  3: {
    tried: 'the log, over pushes, trimming and resumed readers',
    tests: [
      [
        'events/replay.test.ts',
        'receives every push once and in order, or an error that its cursor has expired',
      ],
    ],
  },
  4: {
    tried: 'imports that fail in part, and again',
    tests: [['receivers/nothing-lost-property.test.ts', "each tag finally points to the registry's image"]],
  },
  6: {
    tried: 'filters and rights',
    tests: [
      [
        'events/visible-entries.test.ts',
        'returns the entries of streams that the viewer sees, for random filters and viewers',
      ],
    ],
  },
  7: {
    tried: 'pages while rows are added',
    tests: [
      [
        'imagestream/lists.test.ts',
        'keeps its cursors while tags are added, and repeats or omits none that stays',
      ],
      [
        'imagestream/lists.test.ts',
        'has every tag that meets the filter and that the viewer sees once, in order',
      ],
    ],
  },
  8: {
    tried: 'spellings of an address',
    tests: [['egress/address-spellings.test.ts', 'is the same for all spellings of an IPv4 address']],
  },
}
