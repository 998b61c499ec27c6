import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { GraphQLSchema } from 'graphql'
import { exampleOf } from '../../graphql/kit/examples.ts'
import { GRAPHQL_PATH } from '../pipeline/pipeline.ts'

interface Page {
  readonly html: Buffer
  readonly zipped: Buffer
  readonly policy: string
}

/** Reports whether a browser requests the page. */
export const wantsGraphiQL = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.accept?.includes('text/html') === true

/** Root fields whose examples are in the tabs. They run in this order on an empty server. */
const TABS = ['createImageStream', 'imageStream', 'imagePushed', 'importImage']

/** Returns the examples for the tabs of the page. */
export function tabsOf(schema: GraphQLSchema): string[] {
  const types = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  return TABS.flatMap((name) => types.flatMap((type) => type?.getFields()[name] ?? []))
    .flatMap((field) => exampleOf(field) ?? [])
    .map((example) => `${example}\n`)
}

let page: Promise<Page> | undefined

/** Responds with the page, which loads nothing from other servers. It is rendered by the first request. */
export async function respondGraphiQL(
  request: IncomingMessage,
  response: ServerResponse,
  tabs: readonly string[],
): Promise<void> {
  page ??= renderPage(tabs).catch((error: unknown) => {
    page = undefined
    throw error
  })
  const { html, zipped, policy } = await page
  const isZipped = request.headers['accept-encoding']?.includes('gzip') === true
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    ...(isZipped && { 'Content-Encoding': 'gzip' }),
    Vary: 'Accept, Accept-Encoding',
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': policy,
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  })
  response.end(isZipped ? zipped : html)
}

async function renderPage(tabs: readonly string[]): Promise<Page> {
  // nine megabytes of script: loaded by the first request only
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const text = renderGraphiQL({
    title: 'imagestreams',
    endpoint: GRAPHQL_PATH,
    subscriptionsProtocol: 'WS',
    defaultTabs: tabs.map((query) => ({ query })),
  })
  const html = Buffer.from(text)
  return { html, zipped: await promisify(gzip)(html), policy: policyFor(text) }
}

/** Returns a policy that allows only the page's own script, by its digest, and the workers and styles that it creates. */
function policyFor(html: string): string {
  const start = html.indexOf('<script>') + '<script>'.length
  const script = html.slice(start, html.lastIndexOf('</script>'))
  const digest = createHash('sha256').update(script).digest('base64')
  return [
    "default-src 'none'",
    `script-src 'sha256-${digest}' blob:`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
