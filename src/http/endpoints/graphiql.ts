import type { IncomingMessage, ServerResponse } from 'node:http'
import { type GraphQLSchema, introspectionFromSchema } from 'graphql'
import { exampleOf } from '../../graphql/kit/examples.ts'
import { GRAPHQL_PATH } from '../pipeline/pipeline.ts'
import { refuse } from '../request/response.ts'
import { POLICY, pageHtml, STYLE, schemaScript, startScript } from './graphiql-page.ts'
import { HashedFile } from './hashed-file.ts'

/** Root fields whose examples are in the tabs. They run in this order on an empty server. */
const TABS = ['createImageStream', 'imageStream', 'imagePushed', 'importImage']

const SCRIPT = 'text/javascript; charset=utf-8'

/** Folder of all files but the page. */
export const FILES_PATH = `${GRAPHQL_PATH}/files`

const COMMON = { Vary: 'Accept, Accept-Encoding' }
const PAGE_HEADERS = {
  ...COMMON,
  // the page names the files that belong together
  'Cache-Control': 'no-cache',
  'Content-Security-Policy': POLICY,
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
}
const FILE_HEADERS = {
  ...COMMON,
  'Cache-Control': 'public, max-age=31536000, immutable',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

interface Files {
  readonly page: HashedFile
  /** By path. */
  readonly files: ReadonlyMap<string, HashedFile>
}

interface GraphiQLOptions {
  readonly schema: GraphQLSchema
  /** Whether the page may contain the schema. */
  readonly introspection: boolean
}

/** Reports whether a browser requests the page. */
export const wantsGraphiQL = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.accept?.includes('text/html') === true

/** The page and its files, which load nothing from other servers. The first request reads them. */
export type GraphiQL = ReturnType<typeof createGraphiQL>

/** Creates GraphiQL. */
export function createGraphiQL(options: GraphiQLOptions) {
  let loaded: Promise<Files> | undefined
  const load = (): Promise<Files> => {
    loaded ??= loadFiles(options).catch((error: unknown) => {
      loaded = undefined
      throw error
    })
    return loaded
  }
  return {
    /** Responds with the page. */
    async respondPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const { page } = await load()
      await page.respond(request, response, PAGE_HEADERS)
    },

    /** Responds with a file of the page. */
    async respondFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const { files } = await load()
      const file = files.get(request.url?.split('?', 1)[0] ?? '')
      if (file) await file.respond(request, response, FILE_HEADERS)
      else refuse(response, 404, 'NOT_FOUND', 'unknown file: reload the page')
    },
  }
}

/** Returns the examples for the tabs of the page. */
function tabsOf(schema: GraphQLSchema): string[] {
  const types = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  return TABS.flatMap((name) => types.flatMap((type) => type?.getFields()[name] ?? []))
    .flatMap((field) => exampleOf(field) ?? [])
    .map((example) => `${example}\n`)
}

async function loadFiles({ schema, introspection }: GraphiQLOptions): Promise<Files> {
  // nine megabytes of script: loaded by the first request only
  const { css, js, ...workers } = await import('@graphql-yoga/render-graphiql/graphiql')
  const files = new Map<string, HashedFile>()
  const add = (name: string, type: string, text: string): string => {
    const file = new HashedFile(type, text)
    const path = `${FILES_PATH}/${name.replace('.', `-${file.hash}.`)}`
    files.set(path, file)
    return path
  }
  const start = startScript({
    endpoint: GRAPHQL_PATH,
    tabs: tabsOf(schema),
    workers: {
      editorWorkerService: add('editor.js', SCRIPT, workers.editorWorkerService),
      json: add('json.js', SCRIPT, workers.jsonWorker),
      graphql: add('graphql.js', SCRIPT, workers.graphqlWorker),
    },
  })
  const introspected = () => introspectionFromSchema(schema, { inputValueDeprecation: true })
  const scripts = [
    add('graphiql.js', SCRIPT, js),
    ...(introspection ? [add('schema.js', SCRIPT, schemaScript(introspected()))] : []),
    add('start.js', SCRIPT, start),
  ]
  const style = add('graphiql.css', 'text/css; charset=utf-8', `${css}${STYLE}`)
  return { page: new HashedFile('text/html; charset=utf-8', pageHtml(style, scripts)), files }
}
