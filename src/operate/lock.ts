import { OperationRefusedError } from './errors.ts'

/** Returns the lock. Throws OperationRefusedError when another process has it, for that reason, or when it cannot be written. */
export function lockOrRefuse(take: () => Disposable | undefined, folder: string, why: string): Disposable {
  let lock: Disposable | undefined
  try {
    lock = take()
  } catch (error) {
    const { code } = error as { code?: unknown }
    throw new OperationRefusedError(`${folder} cannot be written (${code}): run the command as its owner`, {
      cause: error,
    })
  }
  if (!lock) throw new OperationRefusedError(why)
  return lock
}
