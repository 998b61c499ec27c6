import type { PushPage } from '../../graphql/live/push-hub.ts'

/** A final, unmasked text frame. Source: RFC 6455 §5.2. */
const TEXT_FRAME = 0x81

const SUFFIX = '}'.charCodeAt(0)

/**
 * Returns the page as `next` messages of graphql-transport-ws for this operation id. Each message has its own frame, and
 * all frames are in one buffer: one write of the whole page costs as much as one write of a single message.
 */
export function nextFrames(id: string, { results }: PushPage): Buffer {
  const prefix = `{"id":${JSON.stringify(id)},"type":"next","payload":`
  const prefixBytes = Buffer.byteLength(prefix)
  let size = 0
  for (const { json } of results) {
    const length = prefixBytes + json.length + 1
    size += headerBytes(length) + length
  }
  const frames = Buffer.allocUnsafe(size)
  let offset = 0
  for (const { json } of results) {
    offset = writeHeader(frames, offset, prefixBytes + json.length + 1)
    offset += frames.write(prefix, offset)
    offset += json.copy(frames, offset)
    frames[offset++] = SUFFIX
  }
  return frames
}

const headerBytes = (length: number): number => (length < 126 ? 2 : length < 0x1_0000 ? 4 : 10)

function writeHeader(frames: Buffer, offset: number, length: number): number {
  frames[offset] = TEXT_FRAME
  if (length < 126) {
    frames[offset + 1] = length
    return offset + 2
  }
  if (length < 0x1_0000) {
    frames[offset + 1] = 126
    return frames.writeUInt16BE(length, offset + 2)
  }
  frames[offset + 1] = 127
  return frames.writeBigUInt64BE(BigInt(length), offset + 2)
}
