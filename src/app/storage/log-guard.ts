import { join } from 'node:path'
import type { IdentityGuard } from '../../events/log-identity.ts'
import { openPositionMark } from '../../events/position-mark.ts'
import type { SharedParts } from '../parts.ts'

/** Opens the mark of the change log in the data folder, and what is done when it shows that the database went back. */
export function openLogGuard({
  config,
  opened,
  log,
}: Pick<SharedParts, 'config' | 'opened' | 'log'>): IdentityGuard {
  return {
    mark: opened.use(openPositionMark(join(config.dataFolder, 'change-log.mark'))),
    onRenewed: (reason) =>
      log.warn({ reason }, 'the change log has a new identity: all cursors of clients have expired'),
    onError: (error) =>
      log.error(
        { err: error },
        'cannot mark the newest position of the change log: a loss of later commits goes unnoticed',
      ),
  }
}
