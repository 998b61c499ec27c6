import { BodyBudget } from '../request-body/read-body.ts'
import type { OpenEndpoint, Receiver } from './receiver.ts'
import { WEBHOOKS_PATH } from './webhook.ts'

/** Bytes of all deliveries that are being read or judged at a time. */
const MAX_DELIVERY_BYTES_HELD = 32 * 1024 * 1024

/** The HTTP endpoint of all webhooks. */
export interface WebhookEndpoint {
  /** Returns undefined when the path is that of no enabled webhook. */
  open(path: string, source: string): OpenRequest | undefined
}

/** An enabled webhook, for one request. */
interface OpenRequest extends OpenEndpoint {
  /** Seconds that the source of the request has to wait; 0 when it need not. */
  readonly wait: number
  /** Shared by the bodies of all deliveries. */
  readonly budget: BodyBudget
}

export function createWebhookEndpoint(receiver: Receiver): WebhookEndpoint {
  const budget = new BodyBudget(MAX_DELIVERY_BYTES_HELD)
  return {
    open(path, source) {
      if (!path.startsWith(WEBHOOKS_PATH)) return undefined
      const endpoint = receiver.open(path.slice(WEBHOOKS_PATH.length), source)
      return endpoint && { ...endpoint, wait: receiver.waitOf(source), budget }
    },
  }
}
