import type { ServerResponse } from 'node:http'
import { type Scripted, startScripted } from '../fixtures/hostile-registry.ts'
import type { Content } from '../fixtures/random-image.ts'

/** A registry that sends the first half of each blob, and the rest after `release`. */
export interface HeldRegistry extends Scripted {
  /** Resolves when so many blobs have been requested. */
  requested(count: number): Promise<void>
  /** Sends the second halves, now and from now on. */
  release(): void
  /** Breaks the connections that wait. */
  hangUp(): void
}

export async function startHeldRegistry(...blobs: readonly Content[]): Promise<HeldRegistry> {
  const waiting = new Map<ServerResponse, Buffer>()
  const watchers = new Set<() => void>()
  let count = 0
  let isReleased = false
  const scripted = await startScripted((request, response) => {
    const found = blobs.find(({ digest }) => request.url?.endsWith(digest))
    if (!found) return void response.writeHead(404).end()
    const { bytes } = found
    const half = bytes.length >> 1
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, half))
    if (isReleased) response.end(bytes.subarray(half))
    else waiting.set(response, bytes.subarray(half))
    count += 1
    for (const watcher of watchers) watcher()
  })
  return {
    ...scripted,
    requested: (wanted) =>
      new Promise((resolve) => {
        const look = () => void (count >= wanted && resolve())
        watchers.add(look)
        look()
      }),
    release() {
      isReleased = true
      for (const [response, rest] of waiting) response.end(rest)
      waiting.clear()
    },
    hangUp() {
      for (const response of waiting.keys()) response.destroy()
      waiting.clear()
    },
  }
}
