import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** Which rooms a room may import. A file outside the rooms is here by its own name. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  oci: [],
  egress: [],
  db: ['oci'],
  blobs: ['oci'],
  remote: ['oci', 'egress'],
  vendors: ['oci', 'remote'],
  events: ['oci', 'db'],
  access: ['oci', 'db'],
  'registry-config': ['oci', 'db'],
  policy: ['oci'],
  imagestream: ['oci', 'db', 'events', 'policy'],
  documents: ['oci', 'db', 'imagestream'],
  prune: ['oci', 'db', 'imagestream'],
  trust: ['oci', 'db', 'policy'],
  'external-registry': ['oci', 'db', 'imagestream'],
  registry: ['oci', 'db', 'blobs'],
  webhooks: ['oci', 'db', 'imagestream'],
  triggers: ['oci', 'db', 'egress', 'events', 'imagestream'],
  graphql: [
    'oci',
    'events',
    'policy',
    'imagestream',
    'documents',
    'prune',
    'registry',
    'triggers',
    'access',
    'webhooks',
    'trust',
    'registry-config',
  ],
  http: ['graphql', 'registry', 'access'],
  cli: [],
  console: [],
  'opened.ts': [],
  'config.ts': ['settings.ts'],
  'settings.ts': ['setting-kinds.ts'],
  'setting-kinds.ts': [],
  'production.ts': [],
  'main.ts': ['app.ts', 'config.ts', 'production.ts'],
}
/** Join all rooms. */
const COMPOSITION_ROOTS: readonly string[] = [
  'app.ts',
  'app-credentials.ts',
  'app-domain.ts',
  'app-metrics.ts',
  'app-registry.ts',
  'app-remote.ts',
  'app-trust.ts',
  'app-upkeep.ts',
  'app-webhooks.ts',
]

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

/** Each import that leaves its room for one that it may not know. */
function forbiddenDirections({ path, text }: Module): string[] {
  const room = roomOf(path)
  if (COMPOSITION_ROOTS.includes(room)) return []
  const allowed = MAY_IMPORT[room]
  if (!allowed) return [`${path}: nobody has said what ${room} may import`]
  return importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => roomOf(join(path, '..', specifier)))
    .filter((target) => target !== room && !allowed.includes(target))
    .map((target) => `${path} imports ${target}`)
}

/** Packages and functions that open a connection outward. */
const OUTWARD = /^(?:undici|(?:node:)?(?:https?|http2|tls|net|dns|dgram)(?:\/.*)?)$/
const SERVER_TYPES = /^import type \{[^}]*\} from 'node:http'$/gm
const FETCH = /(?<![.\w#])fetch\s*\(/

/** Only what serves may listen, and only these two may open sockets at all. */
function secondWaysOut({ path, text }: Module): string[] {
  const room = roomOf(path)
  if (room === 'egress') return []
  // the registry answers requests, and needs their types for it
  const opened = importsOf(room === 'registry' ? text.replace(SERVER_TYPES, '') : text)
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
  path !== 'config.ts' &&
  // sets one variable for a library, and reads none
  path !== 'production.ts' &&
  /\bprocess\s*\.\s*env\b|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*'node:process'/.test(text)
    ? [`${path} reads the environment`]
    : []

/** Statements that change tag events, in SQL or through the object mapper. */
const TAG_EVENT_WRITE =
  /\b(?:insert\s+(?:or\s+\w+\s+)?into|update(?:\s+or\s+\w+)?|replace\s+into|delete\s+from)\s+["`]?tag_events\b|\.(?:insert|update|delete)\(\s*(?:\w+\.)?tagEvents\b/i

const secondDoors = ({ path, text }: Module): string[] =>
  path !== 'imagestream/record.ts' && TAG_EVENT_WRITE.test(text) ? [`${path} writes tag events`] : []

describe('the rooms of src', () => {
  const modules = readModules()

  it('are read at all', () => {
    expect(modules.length).toBeGreaterThan(80)
    expect(modules.flatMap(({ text }) => importsOf(text)).length).toBeGreaterThan(250)
    expect(modules.find(({ path }) => path === 'imagestream/record.ts')).toSatisfy((record: Module) =>
      TAG_EVENT_WRITE.test(record.text),
    )
    expect(modules.some(({ path, text }) => roomOf(path) === 'egress' && /'undici'/.test(text))).toBe(true)
  })

  it('import only the rooms that they may', () => {
    expect(modules.flatMap(forbiddenDirections)).toEqual([])
  })

  it('have one reader of the environment: config', () => {
    expect(modules.flatMap(readsEnvironment)).toEqual([])
  })

  it('have one way out: egress', () => {
    expect(modules.flatMap(secondWaysOut)).toEqual([])
  })

  it('have one door for tag events: imagestream/record.ts', () => {
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
    ['remote/a.ts', `import '../config.ts'`, 'remote/a.ts imports config.ts'],
    ['main.ts', `import { x } from './db/open.ts'`, 'main.ts imports db'],
    ['attic/a.ts', '', 'attic/a.ts: nobody has said what attic may import'],
  ])('is named when it imports what it may not: %s', (path, text, finding) => {
    expect(forbiddenDirections(module(path, text))).toEqual([finding])
  })

  it('is not named when it keeps to the rules', () => {
    const kept = [
      module(
        'imagestream/a.ts',
        `import { x } from '../oci/tag.ts'\nimport { y } from './b.ts'\nimport 'semver'`,
      ),
      module('app.ts', `import { x } from './remote/x.ts'`),
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
      expect(readsEnvironment(module('config.ts', text))).toEqual([])
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
