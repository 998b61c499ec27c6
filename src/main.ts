#!/usr/bin/env node
import './app/production.ts'

import { pino } from 'pino'
import { type App, createApp, DatabaseRefusedError, SealingKeyError } from './app/app.ts'
import { type Config, ConfigError, helpText, readConfig } from './app/config.ts'

/** sysexits.h: a setting is invalid. */
const EX_CONFIG = 78
/** sysexits.h: an input or output error; the next start recovers. */
const EX_IOERR = 74

/** Errors that only a change of the settings or of the data folder removes. */
const REFUSALS = [ConfigError, DatabaseRefusedError, SealingKeyError]

const print = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

async function main(): Promise<void> {
  const config = readConfig()
  if (!config) {
    process.stdout.write(`${helpText()}\n`)
    return
  }
  const log = pino({ level: config.logLevel })
  const app = await createApp(config, {
    log,
    onFatal: (error) => {
      log.fatal({ err: error }, 'cannot know what is on disk after a failed write: restart to recover')
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
  print(`imagestreams is listening
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
        print(String(error))
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

/** What the operator can change, by the error of the start. */
const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port; choose one with --port',
  EADDRNOTAVAIL: 'this machine does not have the address of --host',
  EACCES: 'a port below 1024 and the folder of --data need permissions; choose others with --port and --data',
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error

main().catch((error: unknown) => {
  if (REFUSALS.some((refusal) => error instanceof refusal)) {
    print((error as Error).message)
    process.exit(EX_CONFIG)
  }
  if (isSystemError(error)) {
    print([error.message, REMEDIES[error.code ?? '']].filter(Boolean).join(': '))
    process.exit(1)
  }
  throw error
})
