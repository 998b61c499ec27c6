import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { groupBy } from '../src/input/maps.ts'
import { cyclesOf } from './rooms/cycles.ts'
import { importsOf, type Module, ownImportsOf, readModules, roomOf } from './rooms/modules.ts'
import { sharedTypeNames } from './rooms/names.ts'
import { forbiddenTableUses, tablesOf } from './rooms/tables.ts'

/** Which rooms a room may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  oci: [],
  concurrency: [],
  input: ['oci'],
  'request-body': ['oci'],
  policy: ['oci', 'input', 'concurrency'],
  logins: ['oci', 'input'],
  egress: ['concurrency'],
  'published-keys': ['oci', 'concurrency', 'egress'],
  db: ['oci', 'input', 'concurrency'],
  events: ['access', 'input', 'concurrency', 'db'],
  blobs: ['oci', 'concurrency'],
  secrets: ['db'],
  access: ['oci', 'input', 'concurrency', 'egress', 'published-keys', 'db', 'secrets'],
  credentials: ['access', 'oci', 'input', 'logins', 'db', 'secrets', 'concurrency'],
  remote: ['oci', 'concurrency', 'logins', 'egress'],
  vendors: ['oci', 'input', 'concurrency', 'published-keys', 'logins', 'remote'],
  'registry-config': ['access', 'egress', 'remote', 'oci', 'input', 'concurrency', 'logins', 'db', 'secrets'],
  imagestream: ['access', 'oci', 'input', 'policy', 'concurrency', 'db', 'events'],
  health: ['input', 'concurrency'],
  documents: ['access', 'concurrency', 'oci', 'input', 'db', 'imagestream'],
  trust: ['access', 'oci', 'input', 'policy', 'concurrency', 'db', 'imagestream'],
  'external-registry': ['access', 'oci', 'input', 'concurrency', 'db', 'imagestream', 'request-body'],
  registry: ['access', 'oci', 'input', 'concurrency', 'db', 'blobs', 'request-body'],
  collect: ['access', 'oci', 'input', 'concurrency', 'db', 'blobs', 'imagestream', 'registry'],
  receivers: ['access', 'oci', 'input', 'concurrency', 'logins', 'db', 'secrets', 'imagestream', 'vendors'],
  kubernetes: ['access', 'oci', 'input', 'concurrency', 'egress', 'db', 'secrets', 'events'],
  triggers: ['access', 'oci', 'input', 'concurrency', 'egress', 'db', 'secrets', 'events', 'imagestream'],
  scrub: ['blobs', 'concurrency', 'db', 'oci'],
  graphql: [
    'access',
    'oci',
    'input',
    'remote',
    'policy',
    'concurrency',
    'logins',
    'events',
    'credentials',
    'vendors',
    'registry-config',
    'imagestream',
    'documents',
    'trust',
    'registry',
    'collect',
    'scrub',
    'receivers',
    'kubernetes',
    'triggers',
  ],
  http: [
    'oci',
    'input',
    'access',
    'concurrency',
    'health',
    'request-body',
    'events',
    'remote',
    'registry',
    'graphql',
  ],
  operate: ['oci', 'concurrency', 'db', 'events', 'blobs', 'secrets', 'registry', 'collect'],
  'main.ts': ['app'],
}
/** Joins all rooms. */
const COMPOSITION_ROOT = 'app'

/** Floors of the large rooms, the lowest first: a floor imports only those below it; files of the room itself are the top. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  db: ['tables', 'files'],
  access: [
    'right',
    'audit',
    'protection',
    'quota',
    'identity',
    'grant',
    'token',
    'federation',
    'sign-in',
    'signed-token',
  ],
  imagestream: [
    'image',
    'spec',
    'tag',
    'record',
    'stream',
    'stored-import',
    'watch',
    'import',
    'commands',
    'schedule',
  ],
  registry: ['protocol', 'sign-in', 'content', 'inventory', 'pull-through', 'mirroring', 'repair', 'routes'],
  collect: ['kept', 'images', 'blobs'],
  remote: ['traffic', 'login', 'session', 'content', 'location'],
  triggers: ['content', 'guard', 'state', 'definition', 'base', 'run'],
  trust: ['referrer', 'signature', 'policy', 'verification'],
  kubernetes: ['client', 'workload', 'cluster', 'action', 'observe', 'reconcile'],
  http: ['request', 'metrics', 'pipeline', 'websocket', 'endpoints'],
  // a vendor uses the two kits, and no other vendor
  vendors: [
    'listing',
    'delivery',
    'aliyun',
    'amazon',
    'azure',
    'distribution',
    'docker-hub',
    'generic',
    'github',
    'gitlab',
    'google',
    'harbor',
    'jfrog',
    'nexus',
    'quay',
    'zot',
  ],
  graphql: [
    'execute',
    'work',
    'kit',
    'image',
    'tag',
    'push',
    'import',
    'mirroring',
    'stream',
    'collect',
    'storage',
    'registry',
    'remote',
    'registry-config',
    'credentials',
    'trust',
    'receiver',
    'kubernetes',
    'trigger',
    'access',
    'federation',
    'server',
    'live',
  ],
}

/** The tables of each room: no other room writes them. */
const OWNS: Readonly<Record<string, readonly string[]>> = {
  events: ['log_writers', 'push_log', 'push_log_state', 'stream_changes'],
  access: [
    'access_tokens',
    'audit_entries',
    'federation_rules',
    'grants',
    'one_time_secrets',
    'quotas',
    'sessions',
    'signing_keys',
    'tag_protections',
    'users',
  ],
  credentials: ['registry_credentials'],
  'registry-config': ['registry_configurations', 'registry_defaults', 'registry_secrets'],
  imagestream: [
    'confirmed_images',
    'image_children',
    'image_configs',
    'image_streams',
    'images',
    'import_failures',
    'import_listings',
    'import_schedules',
    'imports',
    'policy_choices',
    'reported_moves',
    'repository_watches',
    'spec_tags',
    'stream_conditions',
    'stream_labels',
    'tag_claims',
    'tag_conditions',
    'tag_events',
    'tags',
  ],
  trust: ['referrer_checks', 'trust_policies', 'verifications'],
  registry: [
    'blobs',
    'image_mirrorings',
    'manifest_references',
    'mirrored_tags',
    'nested_indexes',
    'repositories',
    'repository_blobs',
    'repository_manifests',
  ],
  'external-registry': ['registry_notifications'],
  collect: ['collections'],
  scrub: ['scrub_passes', 'storage_findings'],
  kubernetes: ['cluster_secrets', 'clusters', 'workload_containers', 'workload_images', 'workloads'],
  triggers: [
    'trigger_attempts',
    'trigger_bases',
    'trigger_deliveries',
    'trigger_key_pairs',
    'trigger_position',
    'trigger_secrets',
    'trigger_targets',
    'triggers',
  ],
  receivers: [
    'webhook_deliveries',
    'webhook_hints',
    'webhook_secrets',
    'webhook_targets',
    'webhook_watches',
    'webhooks',
  ],
}

/** The tables of other rooms that a room reads: each is an import that the compiler does not see. */
const MAY_READ: Readonly<Record<string, readonly string[]>> = {
  // what an action says about a move
  triggers: ['images', 'image_children', 'image_configs', 'image_streams', 'spec_tags', 'tags', 'tag_events'],
  // an image is visible through the repositories that serve it, too
  imagestream: ['repositories', 'repository_manifests'],
  // the use of a quota is counted over what the namespace holds
  access: [
    'blobs',
    'image_streams',
    'images',
    'repositories',
    'repository_blobs',
    'repository_manifests',
    'tags',
  ],
  // a pull reads the manifest, its tag and its stream in one statement; `npm run bench -- registry` measures it
  registry: ['images', 'image_configs', 'image_streams', 'spec_tags', 'tags', 'tag_events'],
  // the stream of an image that runs in a cluster is found by its digest in histories
  kubernetes: ['images', 'image_children', 'image_streams', 'tags', 'tag_events'],
  // a check compares tables with each other; a backup copies blobs
  operate: ['blobs', 'image_streams', 'images', 'push_log', 'stream_changes', 'tag_events', 'tags'],
  // what a pass goes through
  scrub: ['blobs'],
  // what nothing refers to is found by joins over everything that may refer to it
  collect: [
    'images',
    'image_configs',
    'image_streams',
    'imports',
    'tags',
    'tag_events',
    'push_log',
    'blobs',
    'repositories',
    'repository_blobs',
    'repository_manifests',
    'manifest_references',
    'workload_containers',
    'workload_images',
  ],
}

/**
 * Prepared SQL: the hot paths, with the benchmark (`npm run bench -- NAME`) that needs each. All other reads and writes go
 * through Drizzle, which builds its SQL at each call.
 */
const PREPARED: Readonly<Record<string, string>> = {
  'access/quota/quota-usage.ts': 'registry',
  'db/open.ts': 'all: settings of the connection, and the cache of statements',
  'db/check.ts': 'all: reads each manifest, in a process of its own',
  'db/migrate.ts': 'all: migrations of the schema, all or none',
  'db/transact.ts': 'all: begin, commit, rollback',
  'db/search.ts': 'find',
  'db/value-steps.ts': 'find',
  'db/visible-places.ts': 'query',
  'db/windows.ts': 'find',
  'events/fingerprint.ts': 'subscribe',
  'events/log-trimming.ts': 'subscribe',
  'events/log-writers.ts': 'subscribe',
  'events/change-log.ts': 'subscribe',
  'events/push-search.ts': 'subscribe',
  'events/push-series.ts': 'find',
  'events/stream-changes.ts': 'find',
  'imagestream/image/images.ts': 'import',
  'imagestream/stored-import/import-reads.ts': 'import',
  'imagestream/stored-import/import-rows.ts': 'import',
  'imagestream/schedule/schedule.ts': 'fairness',
  'imagestream/stream/follow-chains.ts': 'query',
  'imagestream/stream/follow.ts': 'import',
  'imagestream/stream/retry-refused.ts': 'import',
  'imagestream/stream/spec-tag-rows.ts': 'query',
  'imagestream/stream/image-list.ts': 'find',
  'imagestream/stream/stream-search.ts': 'find',
  'imagestream/stream/stream-walk.ts': 'find',
  'imagestream/stream/tag-list.ts': 'find',
  'imagestream/stream/tag-list-pages.ts': 'find',
  'imagestream/stream/tags-by-stream.ts': 'find',
  'imagestream/stream/stream.ts': 'query',
  'imagestream/tag/condition-rows.ts': 'import',
  'imagestream/record/event-rows.ts': 'import',
  'imagestream/tag/image-histories.ts': 'find',
  'imagestream/tag/look-back.ts': 'find',
  'imagestream/tag/owned-rows.ts': 'query',
  'imagestream/tag/policy-candidates.ts': 'policy',
  'imagestream/tag/policy-choice.ts': 'policy',
  'imagestream/record/policy-rules.ts': 'import',
  'imagestream/record/record-followers.ts': 'import',
  'imagestream/record/waiting-followers.ts': 'import',
  'imagestream/tag/tag-event.ts': 'query',
  'imagestream/tag/tag-parts.ts': 'find',
  'imagestream/tag/tag-rows.ts': 'import',
  'imagestream/tag/tag.ts': 'query',
  'imagestream/watch/known-tags.ts': 'import',
  'imagestream/watch/reported-moves.ts': 'import',
  'imagestream/watch/repository-watches.ts': 'import',
  'imagestream/watch/saved-pages.ts': 'import',
  'imagestream/watch/tag-claims.ts': 'import',
  'registry/content/content.ts': 'registry',
  'registry/content/copies.ts': 'registry',
  'registry/content/manifest-parts.ts': 'registry',
  'registry/pull-through/admission.ts': 'registry',
  'registry/pull-through/origin.ts': 'registry',
  'registry/routes/tags.ts': 'registry',
  'triggers/definition/matching-triggers.ts': 'triggers',
  'collect/blobs/kept-manifests.ts': 'collect',
  'collect/blobs/links.ts': 'collect',
  'collect/blobs/plan.ts': 'collect',
  'collect/blobs/tag-history.ts': 'collect',
  'collect/images/image-ages.ts': 'collect',
  'collect/images/index-children.ts': 'collect',
  'collect/images/kept-images.ts': 'collect',
  'collect/images/old-events.ts': 'collect',
}

/**
 * Files that read or write as the server itself, which sees everything: work that no request causes, and the checks of names
 * and versions inside of commands that have checked the rights of their viewer. No entry point is among them.
 */
const MAY_USE_SYSTEM: readonly string[] = [
  'access/audit/audit-log.ts',
  'access/first-admin.ts',
  'access/grant/principal-rights.ts',
  'access/protection/tag-guard.ts',
  'access/right/viewer.ts',
  'app/command-line/adoption.ts',
  'app/kubernetes.ts',
  'app/registry.ts',
  'app/upkeep.ts',
  'collect/blobs/collect.ts',
  'external-registry/tags.ts',
  'imagestream/commands/push.ts',
  'imagestream/import/repository-recorder.ts',
  'imagestream/import/stored-imports.ts',
  'imagestream/import/target-recorder.ts',
  'imagestream/import/transition-reports.ts',
  'imagestream/record/record-followers.ts',
  'imagestream/record/record.ts',
  'imagestream/stream/follow.ts',
  'imagestream/stream/retry-refused.ts',
  'imagestream/stream/image-list.ts',
  'kubernetes/observe/observers.ts',
  'triggers/definition/pauses.ts',
]

/** Rooms and floors that take requests: what they do, they do for the viewer of the request. */
const ENTRY_POINTS = /^(?:graphql|http|registry\/routes)\//

/** The tables of other rooms that a room deletes from. */
const MAY_DELETE: Readonly<Record<string, readonly string[]>> = {
  // garbage collection: the registry itself only adds
  collect: ['blobs', 'repositories', 'repository_blobs', 'repository_manifests', 'manifest_references'],
}

/** Imports that leave a room for one that it may not import. */
function forbiddenDirections(module: Module): string[] {
  const room = roomOf(module.path)
  if (room === COMPOSITION_ROOT) return []
  const allowed = MAY_IMPORT[room]
  if (!allowed) return [`${module.path}: there is no rule about what ${room} may import`]
  return ownImportsOf(module)
    .map(roomOf)
    .filter((target) => target !== room && !allowed.includes(target))
    .map((target) => `${module.path} imports ${target}`)
}

/** Number of the file's floor; the highest number for a file of the room itself. */
function floorOf(path: string): number {
  const [room = '', floor = '', file] = path.split('/', 3)
  const floors = FLOORS[room] ?? []
  return file === undefined ? floors.length : floors.indexOf(floor)
}

/** Imports that lead up inside a room. */
function upwardImports(module: Module): string[] {
  const [room = '', floor = '', file] = module.path.split('/', 3)
  if (!FLOORS[room]) return []
  const own = floorOf(module.path)
  if (own < 0) return [`${module.path}: there is no rule about the floor ${room}/${floor}`]
  return ownImportsOf(module)
    .filter((target) => roomOf(target) === room && floorOf(target) > own)
    .map((target) => target.split('/').slice(0, -1).join('/'))
    .map((target) => `${file === undefined ? room : module.path} imports ${target}`)
}

/** Folders of `vendors` that all vendors may import; no vendor imports another. */
const KITS: readonly string[] = ['listing', 'delivery']

const vendorOf = (path: string): string => /^vendors\/([^/]+)\//.exec(path)?.[1] ?? ''

const importsOfOtherVendors = (module: Module): string[] => {
  const own = vendorOf(module.path)
  if (own === '') return []
  return ownImportsOf(module)
    .filter((target) => ![own, '', ...KITS].includes(vendorOf(target)))
    .map((target) => `${module.path} imports the vendor ${vendorOf(target)}`)
}

/** Permissions of the map that no module uses. */
function unusedPermissions(modules: readonly Module[]): string[] {
  const used = new Set(
    modules.flatMap((module) =>
      ownImportsOf(module).map((target) => `${roomOf(module.path)} may import ${roomOf(target)}`),
    ),
  )
  return Object.entries(MAY_IMPORT)
    .flatMap(([room, targets]) => targets.map((target) => `${room} may import ${target}`))
    .filter((permission) => !used.has(permission))
}

/** Packages and functions that open a connection outward. */
const OUTWARD = /^(?:undici|(?:node:)?(?:https?|http2|tls|net|dns|dgram)(?:\/.*)?)$/
const SERVER_TYPES = /^import type \{[^}]*\} from 'node:http'$/gm
const FETCH = /(?<![.\w#])fetch\s*\(/

/** Only what serves may listen, and only these two may open sockets at all. */
function secondWaysOut({ path, text }: Module): string[] {
  const room = roomOf(path)
  if (room === 'egress') return []
  // the types of requests and responses open nothing
  const opened = importsOf(text.replace(SERVER_TYPES, ''))
    .filter((specifier) => OUTWARD.test(specifier))
    // the server's own side of HTTP
    .filter((specifier) => !(room === 'http' && ['node:http', 'node:net'].includes(specifier)))
  const requests =
    room === 'http' && /\b(?:http\.(?:request|get)|net\.(?:connect|createConnection))\b/.test(text)
  return [
    ...opened.map((specifier) => `${path} imports ${specifier}`),
    ...(requests ? [`${path} opens a connection`] : []),
    ...(FETCH.test(text) ? [`${path} calls fetch`] : []),
  ]
}

const readsEnvironment = ({ path, text }: Module): string[] =>
  path !== 'app/config.ts' &&
  // sets one variable for a library, and reads none
  path !== 'app/production.ts' &&
  /\bprocess\s*\.\s*env\b|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*'node:process'/.test(text)
    ? [`${path} reads the environment`]
    : []

/** Statements that change tag events, in SQL or through the object mapper. */
const TAG_EVENT_WRITE =
  /\b(?:insert\s+(?:or\s+\w+\s+)?into|update(?:\s+or\s+\w+)?|replace\s+into|delete\s+from)\s+["`]?tag_events\b|\.(?:insert|update|delete)\(\s*(?:\w+\.)?tagEvents\b/i

/** Prepares a text; Drizzle's method of that name takes none. */
const PREPARES_SQL = /\.prepare(?:<[^(]*>)?\(\s*[^\s)]/

const secondDoors = ({ path, text }: Module): string[] => [
  ...(path !== 'imagestream/record/event-rows.ts' && TAG_EVENT_WRITE.test(text)
    ? [`${path} writes tag events`]
    : []),
  ...(path !== 'imagestream/record/record.ts' && /import .*createEventRows/.test(text)
    ? [`${path} uses the statements of the recorder`]
    : []),
]

describe('the rooms of src', () => {
  const modules = readModules()

  it('are read from the disk', () => {
    expect(modules.length).toBeGreaterThan(80)
    expect(modules.flatMap(({ text }) => importsOf(text)).length).toBeGreaterThan(250)
    expect(modules.find(({ path }) => path === 'imagestream/record/event-rows.ts')).toSatisfy(
      (record: Module) => TAG_EVENT_WRITE.test(record.text),
    )
    expect(modules.some(({ path, text }) => roomOf(path) === 'egress' && /'undici'/.test(text))).toBe(true)
  })

  it('import only the rooms that they may', () => {
    expect(modules.flatMap(forbiddenDirections)).toEqual([])
  })

  it('import only lower floors of their own room', () => {
    expect(modules.flatMap(upwardImports)).toEqual([])
  })

  it('need each permission of the map', () => {
    expect(unusedPermissions(modules)).toEqual([])
  })

  it('have vendors that do not import each other', () => {
    expect(modules.flatMap(importsOfOtherVendors)).toEqual([])
    expect(importsOfOtherVendors({ path: 'vendors/zot/a.ts', text: `from '../quay/b.ts'` })).toHaveLength(1)
  })

  it('have folders of at most 25 files', () => {
    const folders = groupBy(modules, ({ path }) => path.slice(0, path.lastIndexOf('/')))
    const long = [...folders].filter(([, files]) => files.length > 25)

    expect(long.map(([folder, files]) => `${folder}: ${files.length}`)).toEqual([])
  })

  it('have no import cycles', () => {
    expect(cyclesOf(modules)).toEqual([])
  })

  it('write only their own tables, and read others only where the map says so', () => {
    const tables = tablesOf(modules)
    const owned = Object.values(OWNS).flat().sort()
    const rules = { owns: OWNS, mayRead: MAY_READ, mayDelete: MAY_DELETE }
    const readers = modules.filter(({ path }) => MAY_IMPORT[roomOf(path)]?.includes('db'))

    expect(owned).toEqual(tables.map(({ name }) => name).sort())
    expect(readers.flatMap((module) => forbiddenTableUses(module, tables, rules))).toEqual([])
  })

  it('prepare SQL of their own only where the list names a benchmark', () => {
    const prepared = modules.filter(({ text }) => PREPARES_SQL.test(text)).map(({ path }) => path)

    expect(prepared.sort()).toEqual(Object.keys(PREPARED).sort())
  })

  it('name only benchmarks that exist', () => {
    const benchmarks = readdirSync(new URL('bench', import.meta.url)).map((file) => file.replace(/\.ts$/, ''))
    const named = Object.values(PREPARED).filter((reason) => !reason.startsWith('all: '))

    expect(named.filter((name) => !benchmarks.includes(name))).toEqual([])
  })

  it('do not export two types with one name', () => {
    expect(sharedTypeNames(modules)).toEqual([])
  })

  it('read the environment in one place: config', () => {
    expect(modules.flatMap(readsEnvironment)).toEqual([])
  })

  it('act as the server itself only where the list says so, and never at an entry point', () => {
    const users = modules.filter(({ text }) => /\bSYSTEM\b/.test(text)).map(({ path }) => path)

    expect(users.filter((path) => !MAY_USE_SYSTEM.includes(path))).toEqual([])
    expect(MAY_USE_SYSTEM.filter((path) => ENTRY_POINTS.test(path))).toEqual([])
  })

  it('have one way out: egress', () => {
    expect(modules.flatMap(secondWaysOut)).toEqual([])
  })

  it('have one door for tag events: imagestream/record/record.ts', () => {
    expect(modules.flatMap(secondDoors)).toEqual([])
  })
})

describe('a module that breaks a rule', () => {
  const module = (path: string, text: string): Module => ({ path, text })

  it.each([
    ['oci/a.ts', `import { x } from '../db/open.ts'`, 'oci/a.ts imports db'],
    ['graphql/a.ts', `import type { Database } from '../db/open.ts'`, 'graphql/a.ts imports db'],
    ['graphql/a.ts', `import {\n  a,\n} from "../db/open.ts"`, 'graphql/a.ts imports db'],
    ['imagestream/a.ts', `export * from '../graphql/node.ts'`, 'imagestream/a.ts imports graphql'],
    ['imagestream/a.ts', `const x = await import('../remote/x.ts')`, 'imagestream/a.ts imports remote'],
    ['remote/a.ts', `import '../app/config.ts'`, 'remote/a.ts imports app'],
    ['main.ts', `import { x } from './db/open.ts'`, 'main.ts imports db'],
    ['attic/a.ts', '', 'attic/a.ts: there is no rule about what attic may import'],
  ])('is reported when it imports a room that it may not: %s', (path, text, finding) => {
    expect(forbiddenDirections(module(path, text))).toEqual([finding])
  })

  it('is not reported when it keeps to the rules', () => {
    const kept = [
      module(
        'imagestream/a.ts',
        `import { x } from '../oci/tag.ts'\nimport { y } from './b.ts'\nimport 'semver'`,
      ),
      module('app/app.ts', `import { x } from '../remote/x.ts'`),
    ]

    expect(kept.flatMap(forbiddenDirections)).toEqual([])
    expect(secondWaysOut(module('http/server.ts', `import { createServer } from 'node:http'`))).toEqual([])
    expect(secondWaysOut(module('remote/a.ts', 'egress.fetch(url)'))).toEqual([])
    expect(secondWaysOut(module('registry/a.ts', `import type { ServerResponse } from 'node:http'`))).toEqual(
      [],
    )
    expect(secondDoors(module('imagestream/tag.ts', 'select * from tag_events'))).toEqual([])
  })

  it.each([
    ['remote/a.ts', `import { request } from 'undici'`],
    ['remote/a.ts', `import https from 'node:https'`],
    ['imagestream/a.ts', 'const response = await fetch(url)'],
    ['http/a.ts', `import http from 'node:http'\nhttp.request(url)`],
    ['http/a.ts', `import tls from 'node:tls'`],
    ['registry/a.ts', `import { request } from 'node:http'`],
  ])('is reported when it opens a second way out: %s, %s', (path, text) => {
    expect(secondWaysOut(module(path, text))).toHaveLength(1)
  })

  it.each(['process.env.HOME', `import { env } from 'node:process'`])(
    'is reported when it reads the environment: %s',
    (text) => {
      expect(readsEnvironment(module('db/open.ts', text))).toHaveLength(1)
      expect(readsEnvironment(module('app/config.ts', text))).toEqual([])
    },
  )

  it.each([
    'insert into tag_events (tag_id) values (?)',
    'INSERT OR REPLACE INTO tag_events',
    'update tag_events set image_id = ?',
    'delete from tag_events',
    'orm.insert(tagEvents).values(row)',
  ])('is reported when it writes tag events: %s', (text) => {
    expect(secondDoors(module('imagestream/import.ts', text))).toHaveLength(1)
  })

  it('is reported when it uses the tables of another room', () => {
    const declared = module('db/tables/tag.ts', "export const tags = sqliteTable(\n  'tags',")
    const tables = tablesOf([declared])
    const rules = { owns: { imagestream: ['tags'] }, mayRead: { collect: ['tags'] }, mayDelete: {} }
    const findings = (path: string, text: string) => forbiddenTableUses(module(path, text), tables, rules)

    expect(findings('imagestream/a.ts', 'update tags set name = ?')).toEqual([])
    expect(findings('collect/a.ts', 'select * from tags')).toEqual([])
    expect(findings('collect/a.ts', '// selects from tags\ninsert into tags (name)')).toEqual([
      'collect/a.ts writes tags',
    ])
    expect(findings('collect/a.ts', 'orm.delete(tables.tags).run()')).toEqual(['collect/a.ts deletes tags'])
    expect(findings('trust/a.ts', 'orm.select().from(tags)')).toEqual(['trust/a.ts reads tags'])
  })

  it('is reported when it is part of an import cycle, or exports a type with the name of another room’s type', () => {
    const circle = [
      module('oci/a.ts', `import { b } from './b.ts'`),
      module('oci/b.ts', `import type { A } from './a.ts'\nexport interface Row {}`),
      module('db/c.ts', `import { b } from '../oci/b.ts'\nexport type Row = string`),
    ]

    expect(cyclesOf(circle)).toEqual([['oci/a.ts', 'oci/b.ts']])
    expect(sharedTypeNames(circle)).toEqual(['Row: oci, db'])
  })

  it.each([
    [
      'imagestream/spec/a.ts',
      `import { x } from '../tag/b.ts'`,
      ['imagestream/spec/a.ts imports imagestream/tag'],
    ],
    ['imagestream/tag/a.ts', `import { x } from '../spec/b.ts'`, []],
    ['imagestream/a.ts', `import { x } from './commands/b.ts'`, []],
    ['imagestream/spec/a.ts', `import { x } from '../b.ts'`, ['imagestream/spec/a.ts imports imagestream']],
    [
      'imagestream/attic/a.ts',
      '',
      ['imagestream/attic/a.ts: there is no rule about the floor imagestream/attic'],
    ],
  ])('is reported when it imports a higher floor: %s', (path, text, findings) => {
    expect(upwardImports(module(path, text))).toEqual(findings)
  })
})
