import { type App, createApp, explainFatal } from '../app.ts'
import { EX_IOERR, exitOf } from '../command-line/exit.ts'
import { readConfig } from '../config.ts'
import { announcedLine, announcedText, lineOf } from './announcement.ts'
import { createLog, levelSwitch } from './log.ts'

/** Writes to standard error, which has what an operator must not miss, whatever the level of the log is. */
const note = (text: string): void => void process.stderr.write(`${text}\n`)
const isTerminal = (): boolean => process.stderr.isTTY === true

/** Starts the server with these flags, and ends the process when it cannot. Resolves when it listens. */
export async function serve(flags: readonly string[]): Promise<void> {
  try {
    await start(flags)
  } catch (error) {
    fail(error)
  }
}

async function start(flags: readonly string[]): Promise<void> {
  const config = readConfig(flags)
  const log = createLog(config.logLevel)
  process.on('SIGUSR2', levelSwitch(log, config.logLevel))
  const open = (): Promise<App> =>
    createApp(config, {
      log,
      onFatal: (error) => {
        log.fatal({ err: error }, explainFatal(error))
        process.exit(EX_IOERR)
      },
      onRestart: () => void restart().catch(fail),
    })
  let app = await open()
  let isStopping = false
  const restart = async (): Promise<void> => {
    if (isStopping) return
    log.info('the disk accepts writes again: starting with the database itself')
    await app[Symbol.asyncDispose]()
    app = await open()
  }
  note(isTerminal() ? announcedText(app, config) : announcedLine(app, config))
  onStopSignal(() => {
    isStopping = true
    log.info('stopping')
    app[Symbol.asyncDispose]().then(() => process.exit(0), fail)
  })
}

function onStopSignal(stop: () => void): void {
  const once = (): void => {
    // a second signal ends the process at once
    process.off('SIGINT', once)
    process.off('SIGTERM', once)
    stop()
  }
  process.on('SIGINT', once)
  process.on('SIGTERM', once)
}

/** Ends the process with one line that says why; an error of the program has its stack. */
function fail(error: unknown): never {
  const exit = exitOf(error) ?? {
    code: 1,
    message: error instanceof Error ? String(error.stack) : String(error),
  }
  const message = exit.message ?? ''
  note(isTerminal() ? message : lineOf('fatal', message))
  process.exit(exit.code)
}
