import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A socket that writes the given bytes unchanged, and reads responses as text. */
export class RawConnection implements Disposable {
  readonly socket: Socket
  /** Text that was received so far. */
  text = ''
  readonly ended: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      this.text += text
    })
    // the server may reset the connection: `text` has the bytes from before
    socket.on('error', () => {})
    this.ended = new Promise((resolve) => void socket.once('close', () => resolve()))
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** Writes the head of a request, and the given part of its body. */
  request(line: string, headers: Readonly<Record<string, string | number>> = {}, body = ''): void {
    const head = Object.entries({ host: 'registry.test', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    )
    this.socket.write(`${line} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`, 'latin1')
  }

  /** Resolves when the received text matches. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text)
      if (match) return match
      if (this.socket.destroyed) throw new Error(`the connection ended after: ${this.text}`)
      await Promise.race([once(this.socket, 'data'), this.ended])
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
