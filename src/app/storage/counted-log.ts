import type { LogFn, Logger } from 'pino'

/** Receives the error of a logged line, if it has one; `isInternal` for one at the level error or above. */
export type OnLogged = (error: unknown, isInternal: boolean) => void

/**
 * Returns a log that also reports each line about something that went wrong, whether or not its level is logged: every entry point and
 * every job logs what it cannot handle, so that nothing is counted twice or forgotten.
 */
export function countedLog(log: Logger, onLogged: OnLogged): Logger {
  const counted = (level: 'warn' | 'error' | 'fatal'): LogFn => {
    const report = (...[first, ...rest]: Parameters<LogFn>): void => {
      onLogged((first as { readonly err?: unknown } | undefined)?.err, level !== 'warn')
      Reflect.apply(log[level], log, [first, ...rest])
    }
    return report as LogFn
  }
  return Object.assign(Object.create(log) as Logger, {
    warn: counted('warn'),
    error: counted('error'),
    fatal: counted('fatal'),
  })
}
