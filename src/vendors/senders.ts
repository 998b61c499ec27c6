import { aliyun } from './aliyun/webhook.ts'
import { ecr } from './amazon/webhook.ts'
import { azureEventGrid } from './azure/event-grid.ts'
import { azure } from './azure/webhook.ts'
import type { Delivery, ParsedDelivery } from './delivery/delivery.ts'
import { HintCollector } from './delivery/hints.ts'
import { createPlatforms, type PlatformSource, type Platforms } from './delivery/public-keys.ts'
import type {
  DeliveryAuthentication,
  PublicEndpoint,
  SampleImage,
  SenderDefinition,
  SenderEndpoint,
  SenderSettings,
} from './delivery/sender.ts'
import { distribution } from './distribution/webhook.ts'
import { dockerHub } from './docker-hub/webhook.ts'
import { generic } from './generic/webhook.ts'
import { github } from './github/webhook.ts'
import { gitlab } from './gitlab/webhook.ts'
import { google } from './google/webhook.ts'
import { harbor } from './harbor/webhook.ts'
import { jfrog } from './jfrog/webhook.ts'
import { nexus } from './nexus/webhook.ts'
import { quay } from './quay/webhook.ts'
import { zot } from './zot/webhook.ts'

/** All senders of webhooks by their kinds, in the order of the schema. */
export const SENDERS = {
  DISTRIBUTION: distribution,
  GITLAB: gitlab,
  DOCKER_HUB: dockerHub,
  QUAY: quay,
  GITHUB: github,
  HARBOR: harbor,
  AZURE: azure,
  AZURE_EVENT_GRID: azureEventGrid,
  ECR: ecr,
  GOOGLE: google,
  JFROG: jfrog,
  NEXUS: nexus,
  ZOT: zot,
  ALIYUN: aliyun,
  GENERIC: generic,
}

/** A kind of sender, as in the schema and the database. */
export type SenderKind = keyof typeof SENDERS
/** All kinds, in the order of the schema. */
export const SENDER_KINDS = Object.keys(SENDERS) as SenderKind[]

/** A sender of webhooks. */
export type Sender = ReturnType<typeof createSender>
/** The senders of all kinds. */
export type Senders = Readonly<Record<SenderKind, Sender>>

/** Creates the senders of all kinds. */
export function createSenders(source: PlatformSource): Senders {
  const platforms = createPlatforms(source)
  const senders = SENDER_KINDS.map((kind) => [kind, createSender(SENDERS[kind], platforms)] as const)
  return Object.fromEntries(senders) as Record<SenderKind, Sender>
}

function createSender(definition: SenderDefinition, platforms: Platforms) {
  const { title, registry, scheme, methods = ['POST'], settings = {}, sampleHeaders } = definition
  return {
    title,
    registry,
    methods,
    settings,
    setUp: definition.setUp,
    authenticity: scheme.authenticity,

    /** Authenticates a delivery with any of the valid secrets; an empty one matches nothing. Never rejects. */
    authenticate: async (
      delivery: Delivery,
      secrets: readonly string[],
      endpoint: PublicEndpoint,
    ): Promise<DeliveryAuthentication> =>
      scheme.authenticate(delivery, secrets, { ...endpoint, ...platforms }),

    /** Parses a delivery. Throws InvalidDeliveryError. */
    read(delivery: Delivery, settings: SenderSettings): ParsedDelivery {
      const hints = new HintCollector()
      const result = definition.read(delivery, hints, settings)
      return typeof result === 'string' ? hints.parsed(result) : { id: null, hints: [], ...result }
    },

    /** Returns a delivery as the sender would send it, authenticated with the endpoint's secret; for `JWT` without a token. */
    sample(endpoint: SenderEndpoint, image: SampleImage): Delivery {
      const delivery: Delivery = {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...sampleHeaders },
        query: new URLSearchParams(),
        body: Buffer.from(JSON.stringify(definition.sample(image, endpoint.settings))),
      }
      return scheme.sign(delivery, { ...endpoint, ...platforms })
    },
  }
}
