import { createHmac } from 'node:crypto'

/** Returns `sha256=…`: the signature of a body that GitHub introduced and others verify too. */
export const hmacOf = (body: string, secret: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
