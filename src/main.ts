#!/usr/bin/env node
import './app/production.ts'

import { pino } from 'pino'
import { type App, createApp, explainFatal } from './app/app.ts'
import { createCommandLine } from './app/command-line/command-line.ts'
import { EX_IOERR, exitOf } from './app/command-line/exit.ts'
import { type Config, readConfig } from './app/config.ts'

// all files and folders are for the owner of the process only
process.umask(0o077)

const note = (text: string): void => void process.stderr.write(`${text}\n`)

async function serve(flags: readonly string[]): Promise<void> {
  const config = readConfig(flags)
  const log = pino({ level: config.logLevel })
  const app = await createApp(config, {
    log,
    onFatal: (error) => {
      log.fatal({ err: error }, explainFatal(error))
      process.exit(EX_IOERR)
    },
  })
  announce(app, config)
  stopOnSignals(app)
}

function announce({ url, dataFolder, firstAdminLink }: App, config: Config): void {
  const { openToEverybody, signIn, publicUrl } = config
  const warning = openToEverybody
    ? '\n  open to everybody: every client that reaches this address may read and change everything'
    : ''
  const access = {
    open: 'open: every client may do everything',
    tokens: 'clients present an access token or a session',
    oidc: `people at ${publicUrl?.origin ?? url}/sign-in, programs with an access token`,
  }[signIn ?? 'open']
  const link = firstAdminLink
    ? `\n  first admin   ${firstAdminLink}\n                (works once, within 24 hours)`
    : ''
  note(`imagestreams is listening
  GraphQL API   ${url}/graphql   (HTTP, server-sent events and graphql-ws)
  GraphiQL      ${url}/graphql   in a browser
  data folder   ${dataFolder}
  sign-in       ${access}${warning}${link}`)
}

function stopOnSignals(app: App): void {
  const stop = (): void => {
    // a second signal ends the process at once
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    app[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        note(String(error))
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

const commandLine = createCommandLine({
  serve,
  note,
  print: (text) => void process.stdout.write(`${text}\n`),
  endWith: (code) => {
    process.exitCode = code
  },
})

commandLine.parseAsync().catch((error: unknown) => {
  const exit = exitOf(error)
  if (!exit) throw error
  if (exit.message !== null) note(exit.message)
  process.exit(exit.code)
})
