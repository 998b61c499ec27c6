import { type DestinationStream, type Level, type LevelWithSilent, type Logger, pino } from 'pino'
import { PinoPretty } from 'pino-pretty'

/** The level of the signal: that of a server whose requests are looked at. */
const MORE: Level = 'debug'

/** Returns the destination of lines for people: colors, local time, fields beside the text. */
const forPeople = (): DestinationStream =>
  PinoPretty({
    destination: 1,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })

/** Creates the log of the process: lines of JSON on standard output, unless that is a terminal. */
export function createLog(level: LevelWithSilent, isTerminal = process.stdout.isTTY): Logger {
  return isTerminal ? pino({ level }, forPeople()) : pino({ level })
}

/** Returns what a signal does: it changes the level to debug, and the next time back to the one before. */
export function levelSwitch(log: Logger, usual: LevelWithSilent): () => void {
  return () => {
    const level = log.level === MORE ? usual : MORE
    log.level = 'info'
    log.info({ level }, 'the level of the log changes')
    log.level = level
  }
}
