import { Readable } from 'node:stream'
import { inOwnIteration } from '../concurrency/yielding.ts'

/** What takes the bytes of a source. */
export interface Intake {
  /** Throws what the receiving ends with. */
  take(chunk: Uint8Array): void
  /** Whether the source shall wait until `onRoom` is called. */
  readonly isFull: boolean
  onRoom: () => void
}

/** Bytes that one source may bring in a turn of the event loop before others get theirs. */
const TURN = 64 << 10

/**
 * Takes a source to its end. Rejects with the source's error, also when it closes early, with what `take` threw, or
 * with the signal's reason; the source is paused then, and what was taken stays taken.
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

/** Listens by hand: `for await` over a request costs more than hashing it. */
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
      if (taken >= TURN) {
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
    // stays: a source that broke off may tell its error only later
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
    else if (taken >= TURN) {
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
  throw new TypeError('a source of a blob brings bytes')
}
