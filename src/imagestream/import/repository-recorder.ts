import { SYSTEM } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportEnd, ImporterDependencies } from './import-context.ts'

interface RepositoryResult {
  readonly importId: number
  readonly failure: ImportEnd['repositoryFailure']
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * Creates the function that stores whether an import could import the whole repository of its stream, as the stream's
 * condition. Stores nothing where the spec has another repository since the import began.
 */
export function createRepositoryRecorder({
  streams,
  streamConditions,
  onTransition,
}: Pick<ImporterDependencies, 'streams' | 'streamConditions' | 'onTransition'>) {
  /** Reports whether the repository begins or ceases to fail. */
  const store = (
    tx: Transaction,
    { id, dockerImageRepository, repositoryGeneration: generation }: ImageStream,
    { failure, at }: RepositoryResult,
  ): boolean => {
    if (failure) {
      const { reason, message } = failure
      return (
        reason !== 'Superseded' && streamConditions.setFailure(tx, id, { reason, message, generation, at })
      )
    }
    // without a repository, an import that ended normally is the success of the whole stream
    const isCovered = failure === null || dockerImageRepository === null
    return isCovered && streamConditions.clearFailure(tx, id)
  }

  return (tx: Transaction, stream: ImageStream, result: RepositoryResult): void => {
    const { id: streamId, repositoryGeneration } = stream
    const current = streams.byIds(SYSTEM, [streamId]).get(streamId)
    if (current?.repositoryGeneration !== repositoryGeneration || !store(tx, stream, result)) return
    onTransition(tx, { streamId, tag: null, importId: result.importId, failure: result.failure ?? null })
  }
}
