import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** Which rooms a room may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  oci: [],
  concurrency: [],
  input: ['oci'],
  'request-body': [],
  policy: ['oci', 'input', 'concurrency'],
  logins: ['oci', 'input'],
  egress: ['concurrency'],
  db: ['oci', 'input'],
  events: ['oci', 'input', 'db'],
  blobs: ['oci', 'concurrency'],
  secrets: ['db'],
  credentials: ['oci', 'input', 'logins', 'db', 'secrets', 'concurrency'],
  remote: ['oci', 'concurrency', 'logins', 'egress'],
  vendors: ['oci', 'concurrency', 'logins', 'remote'],
  'registry-config': ['egress', 'remote', 'oci', 'input', 'concurrency', 'logins', 'db', 'secrets'],
  imagestream: ['oci', 'input', 'policy', 'concurrency', 'db', 'events'],
  documents: ['oci', 'input', 'db', 'imagestream'],
  trust: ['oci', 'input', 'policy', 'concurrency', 'db', 'imagestream'],
  'external-registry': ['oci', 'concurrency', 'db', 'imagestream', 'registry', 'request-body'],
  registry: ['oci', 'input', 'concurrency', 'db', 'blobs', 'request-body'],
  collect: ['oci', 'input', 'concurrency', 'db', 'blobs', 'imagestream', 'registry'],
  webhooks: [
    'oci',
    'input',
    'concurrency',
    'request-body',
    'logins',
    'db',
    'secrets',
    'imagestream',
    'vendors',
  ],
  graphql: [
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
    'webhooks',
  ],
  http: ['concurrency', 'request-body', 'remote', 'registry', 'graphql'],
  'main.ts': ['app'],
}
/** Joins all rooms. */
const COMPOSITION_ROOT = 'app'

/** Floors of the large rooms, the lowest first: a floor imports only those below it; files of the room itself are the top. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  db: ['tables'],
  imagestream: ['image', 'spec', 'tag', 'stream', 'request', 'watch', 'import', 'commands', 'schedule'],
  registry: ['protocol', 'content', 'pull-through', 'routes'],
  collect: ['kept', 'images', 'blobs'],
  remote: ['traffic', 'login', 'session', 'content', 'location'],
  trust: ['referrer', 'signature', 'policy', 'verification'],
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
    'kit',
    'image',
    'tag',
    'push',
    'import',
    'stream',
    'registry',
    'remote',
    'trust',
    'webhook',
    'live',
  ],
}

/** Imports that the rules do not allow yet. */
const TO_REMOVE: ReadonlySet<string> = new Set([])

interface Module {
  /** Path below `src`. */
  readonly path: string
  readonly text: string
}

const readModules = (): Module[] =>
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }))

const roomOf = (path: string): string => path.split('/', 1)[0] ?? ''

/** What a module imports or re-exports, statically or not. */
const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g)].map(
    ([, , specifier]) => specifier ?? '',
  )

/** Paths below `src` of the modules of this project that a module imports. */
const ownImportsOf = ({ path, text }: Module): string[] =>
  importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => join(path, '..', specifier))

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

/** How high a file stands in its room: the number of its floor, or the top for a file of the room itself. */
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

const secondDoors = ({ path, text }: Module): string[] =>
  path !== 'imagestream/tag/record.ts' && TAG_EVENT_WRITE.test(text) ? [`${path} writes tag events`] : []

describe('the rooms of src', () => {
  const modules = readModules()

  it('are read at all', () => {
    expect(modules.length).toBeGreaterThan(80)
    expect(modules.flatMap(({ text }) => importsOf(text)).length).toBeGreaterThan(250)
    expect(modules.find(({ path }) => path === 'imagestream/tag/record.ts')).toSatisfy((record: Module) =>
      TAG_EVENT_WRITE.test(record.text),
    )
    expect(modules.some(({ path, text }) => roomOf(path) === 'egress' && /'undici'/.test(text))).toBe(true)
  })

  it('import only the rooms that they may', () => {
    const found = modules.flatMap(forbiddenDirections)
    expect(found.filter((finding) => !TO_REMOVE.has(finding))).toEqual([])
  })

  it('import only lower floors of their own room', () => {
    const found = modules.flatMap(upwardImports)
    expect(found.filter((finding) => !TO_REMOVE.has(finding))).toEqual([])
  })

  it('have one reader of the environment: config', () => {
    expect(modules.flatMap(readsEnvironment)).toEqual([])
  })

  it('have one way out: egress', () => {
    expect(modules.flatMap(secondWaysOut)).toEqual([])
  })

  it('have one door for tag events: imagestream/tag/record.ts', () => {
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
  ])('is named when it imports what it may not: %s', (path, text, finding) => {
    expect(forbiddenDirections(module(path, text))).toEqual([finding])
  })

  it('is not named when it keeps to the rules', () => {
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
  ])('is named when it opens a second way out: %s, %s', (path, text) => {
    expect(secondWaysOut(module(path, text))).toHaveLength(1)
  })

  it.each(['process.env.HOME', `import { env } from 'node:process'`])(
    'is named when it reads the environment: %s',
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
  ])('is named when it writes tag events: %s', (text) => {
    expect(secondDoors(module('imagestream/import.ts', text))).toHaveLength(1)
  })
})
