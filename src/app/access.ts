import { type AccessControl, createAccess } from '../access/access.ts'
import { FIRST_ADMIN_PATH } from '../access/first-admin.ts'
import { sessionCookie } from '../access/identity/session-cookie.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { ValueSteps } from '../db/value-steps.ts'
import { isLoopback } from './config.ts'
import { ownOrigin } from './own-names.ts'
import { HOUR, MINUTE, type SharedParts } from './parts.ts'

/** Opens identities, credentials and grants. */
export function openAccess({ db, audit, config, now, log, opened }: SharedParts): AccessControl {
  const onError = (error: unknown): void => log.error({ err: error }, 'cannot record access')
  opened.use(startPeriodic({ intervalMs: MINUTE, now, run: audit.storeOmitted, onError }))
  const isSecure = config.publicUrl?.protocol === 'https:' || !isLoopback(config.host)
  const access = opened.use(
    createAccess({
      db,
      audit,
      mode: config.signIn === null ? 'OPEN' : 'SIGN_IN',
      failedSignInsPerMinute: config.failedSignInsPerMinute,
      cookie: sessionCookie({ isSecure }),
      now,
      onError,
    }),
  )
  opened.use(
    startPeriodic({
      intervalMs: HOUR,
      now,
      run: access.deleteExpired,
      onError: (error) => log.error({ err: error }, 'cannot remove expired sessions'),
    }),
  )
  return access
}

/** Namespaces that a line of the log names. */
const MAX_NAMED = 20

/**
 * Logs what clients may do, and returns the link for the first server admin; null where none is needed. Sign-in that is new on a
 * server with streams makes their namespaces private: the log names them.
 */
export function reportAccess(
  { config, log, ownHost }: SharedParts,
  { firstAdmin }: AccessControl,
  namespaces: Pick<ValueSteps, 'next'>,
): string | null {
  const hasAdmin = firstAdmin.hasAdmin()
  if (config.signIn === null) {
    log.info('the server is open: every client that reaches it may do everything')
    if (hasAdmin) log.warn('grants are ignored: the server is open, without --sign-in')
    return null
  }
  if (!isLoopback(config.host) && config.publicUrl?.protocol !== 'https:')
    log.warn(
      'clients may send their credentials without TLS: add it by a reverse proxy, and set --public-url to its https origin, without which browsers keep no session',
    )
  if (!hasAdmin) {
    const names = [...namesIn(namespaces)]
    if (names.length > 0)
      log.warn(
        { namespaces: names },
        'sign-in is new: these namespaces are private until roles in them are granted',
      )
  }
  if (hasAdmin && !config.adminLink) return null
  return `${ownOrigin({ config, ownHost })}${FIRST_ADMIN_PATH}?code=${firstAdmin.invite()}`
}

function* namesIn({ next }: Pick<ValueSteps, 'next'>): Generator<string> {
  let name = next('')
  for (let count = 0; name !== undefined && count < MAX_NAMED; count++) {
    yield name
    name = next(name)
  }
  if (name !== undefined) yield '…'
}
