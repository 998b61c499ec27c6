/** What the page needs to start. */
export interface PageOptions {
  /** Path of the GraphQL API. */
  readonly endpoint: string
  /** Operations of the first visit, one a tab. */
  readonly tabs: readonly string[]
  /** Paths of the scripts of web workers, by Monaco's label. */
  readonly workers: Readonly<Record<string, string>>
}

const TITLE = 'imagestreams'

/** Rules after GraphiQL's own. */
export const STYLE = `
/* GraphiQL moves a tab by an outdated distance as soon as it has the focus, away from the pointer that presses it */
.graphiql-container .graphiql-tab { transform: none !important; touch-action: pan-x !important }
.graphiql-container .graphiql-doc-explorer pre { overflow: auto }

@media (max-width: 700px) {
  .graphiql-container { flex-direction: column-reverse }
  .graphiql-container .graphiql-sidebar { flex-direction: row; width: auto; padding: var(--px-4) }
  .graphiql-container .graphiql-sidebar-section { flex-direction: row }
  .graphiql-container .graphiql-main { flex-direction: column; min-height: 0; min-width: 0 }
  .graphiql-container .graphiql-sessions { margin: 0; border-radius: 0; min-height: 0; min-width: 0 }
  .graphiql-container #graphiql-session { flex-direction: column; padding: var(--px-4) }
  .graphiql-container #graphiql-session > * { min-height: 0 }
  .graphiql-container .graphiql-horizontal-drag-bar { display: none }
  .graphiql-container .graphiql-plugin { max-width: 100vw; border: 0 }
  .graphiql-container .graphiql-logo { display: none }
  .graphiql-container .graphiql-dialog { width: 96vw; max-width: 96vw }
}
`

/** Returns the script that has the result of introspection ready for `startScript`. */
export const schemaScript = (introspection: object): string =>
  `self.imagestreamsSchema = ${JSON.stringify(introspection)}\n`

/** Returns the script that starts GraphiQL. */
export const startScript = ({ endpoint, tabs, workers }: PageOptions): string => `'use strict'
const workers = ${JSON.stringify(workers)}
self.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_module, label) => workers[label] ?? workers.editorWorkerService }
YogaGraphiQL.renderYogaGraphiQL(document.getElementById('root'), {
  title: ${JSON.stringify(TITLE)},
  endpoint: ${JSON.stringify(endpoint)},
  subscriptionsProtocol: 'WS',
  defaultTabs: ${JSON.stringify(tabs.map((query) => ({ query })))},
  defaultEditorToolsVisibility: matchMedia('(min-width: 701px)').matches,
  schema: self.imagestreamsSchema,
})
`

// a box of layers
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#3b5bdb"/><path d="M6 11l10-5 10 5-10 5zM6 16l10 5 10-5M6 21l10 5 10-5" fill="none" stroke="#fff" stroke-width="2.4" stroke-linejoin="round"/></svg>'

/** Returns the document, which loads a style sheet and scripts by their paths. */
export const pageHtml = (style: string, scripts: readonly string[]): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${TITLE}</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
    <link rel="stylesheet" href="${style}">
${scripts.map((path) => `    <script defer src="${path}"></script>`).join('\n')}
  </head>
  <body class="no-focus-outline">
    <noscript>GraphiQL needs JavaScript.</noscript>
    <div id="root"></div>
  </body>
</html>
`

/** Allows what the page's own server sends, and the styles that the editor creates. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
