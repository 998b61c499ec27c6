import type { Logger } from 'pino'
import type { TransitionReportsDependencies } from '../imagestream/import/transition-reports.ts'

/** Returns the log of imports that begin and cease to fail: a lasting failure has one line, also across restarts. */
export const importLog = (
  log: Logger,
): Pick<TransitionReportsDependencies, 'onReport' | 'onFurtherTags'> => ({
  onReport({ namespace, imageStream, tag, failure }) {
    const subject = tag === null ? 'repository' : 'tag'
    const fields = { namespace, imageStream, ...(tag !== null && { tag }) }
    if (!failure) log.info(fields, `can import the ${subject} again`)
    else log.warn({ ...fields, reason: failure.reason }, `cannot import the ${subject}: ${failure.message}`)
  },
  onFurtherTags({ namespace, imageStream, failing, recovered }) {
    const fields = { namespace, imageStream }
    if (failing > 0) log.warn({ ...fields, tags: failing }, 'cannot import further tags of the same import')
    if (recovered > 0)
      log.info({ ...fields, tags: recovered }, 'can import further tags of the same import again')
  },
})
