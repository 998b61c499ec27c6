import { afterEach, describe, expect, it, vi } from 'vitest'
import { BackgroundWriter, WriteBudget } from '../../src/blobs/background-writer.ts'

const MEBIBYTE = 1024 * 1024

describe('a background writer', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('writes bytes whose delay ends while an earlier write is in progress', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const sizes: number[] = []
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const writer = new BackgroundWriter(
      {
        write: () => (sizes.length === 0 ? held : Promise.resolve()),
        onWritten: (size) => void sizes.push(size),
        onError(error) {
          throw error
        },
      },
      new WriteBudget(),
    )

    writer.push(Buffer.alloc(MEBIBYTE))
    writer.push(Buffer.alloc(10))
    await vi.advanceTimersByTimeAsync(1000)
    release()
    await vi.waitFor(() => expect(sizes).toEqual([MEBIBYTE]))
    await vi.advanceTimersByTimeAsync(1000)

    expect(sizes).toEqual([MEBIBYTE, 10])
  })
})
