import { type ExecutionResult, GraphQLError, type ResponsePath } from 'graphql'
import type { FairThread } from '../../concurrency/fair-thread.ts'
import type { ThreadWork } from '../../concurrency/thread-work.ts'
import { keysOf } from '../execute/path.ts'

/**
 * Bytes of stored manifests and configs, characters of documents, and items of long lists as bytes, that one operation may use:
 * they are in memory together.
 */
export const MAX_OPERATION_BYTES = 32 * 1024 * 1024

/** Milliseconds of the server’s thread that one operation may use. */
export const MAX_OPERATION_MILLISECONDS = 10_000

/** Field values that cost one point, and bytes that do. */
const VALUES_PER_POINT = 1_000
const BYTES_PER_POINT = 64 * 1024

/** The client of an operation: a principal or an address, and one of its connections. */
export interface OperationClient {
  readonly party: string
  readonly connection: object
  /** Called with the points that the operation costs, as they arise: one for each millisecond of the thread. */
  readonly charge?: (points: number) => void
  /** Memory for what operations read, which all of them share; by default without a limit. */
  readonly memory?: OperationMemory
}

/** Memory of one operation. */
export interface OperationMemory {
  /** Holds so many bytes in place of those held before. Reports whether there was room for them. */
  hold(bytes: number): boolean
  release(): void
}

/** Reason of the signal of an operation whose result is sent: one for all, since an error of its own costs a stack trace. */
const FINISHED = new Error('the operation is complete')

const UNLIMITED: OperationMemory = { hold: () => true, release() {} }

/** What one operation uses: the thread, in turns with the operations of other clients, and bytes. Ends it at its limits. */
export class OperationWork {
  readonly #work: ThreadWork
  readonly #charge: (points: number) => void
  #memory: OperationMemory
  #bytes = 0
  #values = 0
  #path: ResponsePath | undefined
  #fail: ((error: GraphQLError) => void) | undefined
  #failure: GraphQLError | undefined

  constructor(
    thread: FairThread,
    { party, connection, charge = () => {}, memory = UNLIMITED }: OperationClient,
  ) {
    this.#charge = charge
    this.#memory = memory
    this.#work = thread.begin(party, connection, {
      onSpend: charge,
      milliseconds: MAX_OPERATION_MILLISECONDS,
      onLate: () =>
        this.#end(
          `the operation has used ${MAX_OPERATION_MILLISECONDS} milliseconds of the server: use smaller pages`,
        ),
    })
  }

  /** Is aborted when the client is gone or the operation is at its limits. */
  get signal(): AbortSignal {
    return this.#work.signal
  }

  /** Milliseconds of the thread that the operation has used. */
  get milliseconds(): number {
    return this.#work.milliseconds
  }

  /** Bytes that the operation has used. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Returns undefined if the field may be resolved now, else a promise for the next turn, which never settles once the
   * operation has ended.
   */
  turn(path: ResponsePath): Promise<void> | undefined {
    const turn = this.#work.turn()
    if (turn) return turn.then(() => this.#begin(path))
    this.#begin(path)
    return undefined
  }

  /** Resolves when the operation may go on; rejects once it has ended. */
  nextTurn(): Promise<void> {
    return this.#work.nextTurn()
  }

  /** Notes before the execution how many values the operation may return; each of its root fields notes the same. */
  expect(values: number): void {
    if (this.#values === values) return
    this.#charge((values - this.#values) / VALUES_PER_POINT)
    this.#values = values
  }

  /**
   * Counts bytes before they are read, and holds memory for them. Ends the operation, and throws, where it uses too many, or all
   * operations of the client or of the server together.
   */
  spend(bytes: number): void {
    this.#bytes += bytes
    this.#charge(bytes / BYTES_PER_POINT)
    if (this.#bytes > MAX_OPERATION_BYTES) {
      throw this.#end(
        `the operation reads more than ${MAX_OPERATION_BYTES} bytes of manifests, configs, documents, requests of triggers and long lists: use smaller pages`,
      )
    }
    if (!this.#memory.hold(this.#bytes)) {
      throw this.#end(
        'the server has too many large results of operations in memory: use smaller pages, or repeat the operation when others have been read',
        'UNAVAILABLE',
      )
    }
  }

  /** Ends what still runs, because the result is sent: after an error that took its place, fields beside it do. */
  finish(): void {
    this.#work.abort(FINISHED)
    this.#release()
  }

  /** Starts all limits again, for the next event of a subscription. */
  restart(): void {
    this.#bytes = 0
    this.#memory.hold(0)
    this.#work.restart()
  }

  /** Ends the operation because its client is gone. */
  abort(): void {
    this.#end('the client has disconnected', 'BAD_REQUEST')
    this.#release()
  }

  /** Returns the result of an execution; without data, and with the error, if the operation is ended meanwhile. */
  bound<Result extends ExecutionResult>(
    result: Result | Promise<Result>,
  ): Result | Promise<Result | ExecutionResult> {
    if (!(result instanceof Promise)) return result
    return new Promise((resolve, reject) => {
      this.#fail = (error) => resolve({ data: null, errors: [error] })
      if (this.#failure) this.#fail(this.#failure)
      // the work lives as long as the response, the result need not
      const settled = () => {
        this.#fail = undefined
      }
      result.then(resolve, reject).then(settled)
    })
  }

  /** Returns the memory. What still runs is not sent. */
  #release(): void {
    this.#memory.release()
    this.#memory = UNLIMITED
  }

  /** Remembers the field that is resolved now, for the error that ends the operation. */
  #begin(path: ResponsePath): void {
    this.#path = path
  }

  #end(message: string, code: 'TOO_COMPLEX' | 'UNAVAILABLE' | 'BAD_REQUEST' = 'TOO_COMPLEX'): GraphQLError {
    const path = this.#path && keysOf(this.#path)
    const extensions = { code }
    this.#failure ??= new GraphQLError(message, { ...(path && { path }), extensions })
    const error = this.#failure
    this.#work.abort(error)
    this.#fail?.(error)
    return error
  }
}
