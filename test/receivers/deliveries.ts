import { readFileSync } from 'node:fs'
import { digestOf } from '../../src/oci/digest.ts'
import type { TagName } from '../../src/oci/tag.ts'
import type { Delivery, Hint, ParsedDelivery } from '../../src/vendors/delivery/delivery.ts'
import type { SampleImage, SenderEndpoint, SenderSettings } from '../../src/vendors/delivery/sender.ts'
import type { Sender } from '../../src/vendors/senders.ts'
import { createSenders } from '../../src/vendors/senders.ts'

/** Time of the tests' clock. */
export const NOW = Date.UTC(2026, 10, 23, 12)

export const senders = createSenders({
  fetchKeys: () => Promise.reject(new Error('no keys here')),
  now: () => NOW,
})

export const noSettings: SenderSettings = {
  registry: 'registry.example.com',
  pathPrefix: null,
  audience: null,
  serviceAccount: null,
  signed: null,
}

export const place = (secret: string, settings: Partial<SenderSettings> = {}): SenderEndpoint => ({
  url: 'https://streams.example.com/webhooks/k',
  secret,
  settings: { ...noSettings, ...settings },
})

export const image: SampleImage = {
  registry: 'registry.example.com',
  repository: 'team/app',
  tag: 'v1' as TagName,
  digest: digestOf('image'),
}

/** A body of `test/fixtures/webhooks`, which the caller may change. */
// biome-ignore lint/suspicious/noExplicitAny: a test changes any part of it
export const body = (name: string): any =>
  JSON.parse(readFileSync(new URL(`../fixtures/webhooks/${name}.json`, import.meta.url), 'utf8'))

/** A delivery of a JSON value, or of bytes or text unchanged. */
export const deliver = (json: unknown, headers: Readonly<Record<string, string>> = {}): Delivery => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  query: new URLSearchParams(),
  body:
    json instanceof Uint8Array ? json : Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)),
})

/** Returns what a sender reads from a body. */
export const read = (
  sender: Sender,
  json: unknown,
  {
    headers = {},
    settings = {},
  }: { headers?: Readonly<Record<string, string>>; settings?: Partial<SenderSettings> } = {},
): ParsedDelivery => sender.read(deliver(json, headers), { ...noSettings, ...settings })

/** A hint as text: `push registry/repository:tag@digest`, with `-` for a missing registry. */
export const spell = ({ action, registry, repository, tag, digest }: Hint): string =>
  `${action} ${registry ?? '-'}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`

export const spelled = (reading: ParsedDelivery): string[] => reading.hints.map(spell)

/** `sha256:aaaa…`: how the fixtures make up digests. */
export const digest = (digit: string): string => `sha256:${digit.repeat(64)}`
