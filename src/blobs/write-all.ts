import type { FileHandle } from 'node:fs/promises'

/** Writes all pieces in sequence from `position`; repeats partial writes of the system. */
export async function writeAll(handle: FileHandle, pieces: Uint8Array[], position: number): Promise<void> {
  let rest = pieces
  let at = position
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at)
    at += bytesWritten
    rest = after(rest, bytesWritten)
  }
}

function after(pieces: Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes
  let first = 0
  for (let piece = pieces[first]; piece && piece.length <= left; piece = pieces[first]) {
    left -= piece.length
    first++
  }
  const rest = pieces.slice(first)
  const [head] = rest
  if (head && left > 0) rest[0] = head.subarray(left)
  return rest
}
