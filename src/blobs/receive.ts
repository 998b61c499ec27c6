import { Readable } from 'node:stream'
import { inOwnIteration } from '../concurrency/yielding.ts'

/** The consumer of a source's bytes. */
export interface Intake {
  /** Throws to end the transfer with that error. */
  take(chunk: Uint8Array): void
  /** Whether the source must wait until `onRoom` is called. */
  readonly isFull: boolean
  onRoom: () => void
}

/** Bytes of one source in an iteration of the event loop, before other events are handled. */
const PIECE = 64 << 10

/**
 * Passes a source to the intake up to its end. Rejects with the source's error, also when it closes early, with the error
 * of `take`, or with the signal's reason; then the source is paused.
 */
export async function receive(
  source: Readable | Iterable<Uint8Array>,
  intake: Intake,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (source instanceof Readable) await receiveStream(source, intake, signal)
  else await receiveChunks(source, intake, signal)
}

/** Uses listeners: `for await` over a request costs more than hashing it. */
function receiveStream(source: Readable, intake: Intake, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let taken = 0
    let isYielding = false
    let isSettled = false

    const settle = (error?: unknown): void => {
      if (isSettled) return
      isSettled = true
      source.off('data', take).off('end', end).off('close', close).off('aborted', close)
      signal.removeEventListener('abort', abort)
      if (error === undefined) {
        resolve()
      } else {
        source.pause()
        reject(error)
      }
    }
    const resume = (): void => {
      if (!isSettled && !isYielding && !intake.isFull) source.resume()
    }
    const take = (chunk: unknown): void => {
      try {
        intake.take(bytesOf(chunk))
      } catch (error) {
        settle(error)
        return
      }
      taken += (chunk as Uint8Array).length
      if (taken >= PIECE) {
        taken = 0
        isYielding = true
        source.pause()
        inOwnIteration(() => {
          isYielding = false
          resume()
        })
      } else if (intake.isFull) source.pause()
    }
    const end = (): void => settle()
    const close = (): void => settle(source.errored ?? new Error('the source closed before its end'))
    const abort = (): void => settle(signal.reason)

    intake.onRoom = resume
    signal.addEventListener('abort', abort)
    // not removed: a source that ended early can emit its error later
    source.on('error', (error) => settle(error))
    if (source.readableEnded) return end()
    if (source.destroyed || source.errored) return close()
    source.on('data', take).on('end', end).on('close', close).on('aborted', close)
    resume()
  })
}

async function receiveChunks(
  source: Iterable<Uint8Array>,
  intake: Intake,
  signal: AbortSignal,
): Promise<void> {
  let taken = 0
  for (const chunk of source) {
    intake.take(bytesOf(chunk))
    taken += chunk.length
    if (intake.isFull) await room(intake, signal)
    else if (taken >= PIECE) {
      taken = 0
      await new Promise<void>(inOwnIteration)
    }
    signal.throwIfAborted()
  }
}

const room = (intake: Intake, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const stop = (): void => {
      signal.removeEventListener('abort', stop)
      resolve()
    }
    intake.onRoom = () => {
      if (!intake.isFull) stop()
    }
    signal.addEventListener('abort', stop)
  })

const bytesOf = (chunk: unknown): Uint8Array => {
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError('the source of a blob must yield bytes')
}
