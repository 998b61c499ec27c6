import type { App } from '../app.ts'
import type { Config } from '../config.ts'

/** Levels of lines that are written without the log. Source: pino. */
const LEVELS = { info: 30, fatal: 60 } as const

const EVERYBODY = 'every client that reaches this address may read and change everything'

/** Returns a line of the log, for what is written whatever its level is. */
export const lineOf = (level: keyof typeof LEVELS, msg: string, fields: object = {}): string =>
  JSON.stringify({ level: LEVELS[level], time: Date.now(), pid: process.pid, ...fields, msg })

/** Returns what a started server writes for programs: one line of JSON, like the lines of its log. */
export function announcedLine(
  { url, dataFolder, firstAdminLink }: App,
  { signIn, openToEverybody }: Config,
): string {
  return lineOf('info', 'imagestreams is listening', {
    url,
    graphql: `${url}/graphql`,
    dataFolder,
    signIn: signIn ?? 'open',
    ...(openToEverybody && { warning: EVERYBODY }),
    ...(firstAdminLink && { firstAdminLink }),
  })
}

/** Returns what a started server writes on a terminal. */
export function announcedText({ url, dataFolder, firstAdminLink }: App, config: Config): string {
  const { openToEverybody, signIn, publicUrl } = config
  const warning = openToEverybody ? `\n  open to everybody: ${EVERYBODY}` : ''
  const access = {
    open: 'open: every client may do everything',
    tokens: 'clients present an access token or a session',
    oidc: `people at ${publicUrl?.origin ?? url}/sign-in, programs with an access token`,
  }[signIn ?? 'open']
  const link = firstAdminLink
    ? `\n  first admin   ${firstAdminLink}\n                (works once, within 24 hours)`
    : ''
  return `imagestreams is listening
  GraphQL API   ${url}/graphql   (HTTP, server-sent events and graphql-ws)
  GraphiQL      ${url}/graphql   in a browser
  data folder   ${dataFolder}
  sign-in       ${access}${warning}${link}`
}
