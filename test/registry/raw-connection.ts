import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A socket that writes bytes as they are given, and reads answers' text. */
export class RawConnection implements Disposable {
  readonly socket: Socket
  /** All that came so far. */
  text = ''
  readonly ended: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      this.text += text
    })
    // a server may cut the connection: then it is closed, and `text` has what came before
    socket.on('error', () => {})
    this.ended = new Promise((resolve) => void socket.once('close', () => resolve()))
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** Writes a request's head, and what is given of its body. */
  request(line: string, headers: Readonly<Record<string, string | number>> = {}, body = ''): void {
    const head = Object.entries({ host: 'registry.test', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    )
    this.socket.write(`${line} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`, 'latin1')
  }

  /** Resolves once the text that came matches. */
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
