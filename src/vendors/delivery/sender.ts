import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Delivery, ParsedDelivery } from './delivery.ts'
import type { HintCollector } from './hints.ts'
import type { Platforms } from './public-keys.ts'

/**
 * How deliveries are authenticated: a signature of the body with the secret, the secret in a header (`TOKEN`), the secret as
 * `?secret=` of the URL, or a token that the sender's platform signs with its own key (`JWT`).
 */
export type Authenticity = 'SIGNATURE' | 'TOKEN' | 'URL' | 'JWT'

/** The result of authenticating a delivery. The reason is logged; it contains nothing of the secret. */
export type DeliveryAuthentication =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: string
      /** True when the delivery cannot be verified at the moment: the response is 503 in place of 401. */
      readonly isTemporary?: boolean
    }

/** Settings of a receiver other than its secret. Each sender uses those that its `settings` name. */
export interface SenderSettings {
  /** The registry of the receiver, as in references; never taken from a delivery. */
  readonly registry: string | null
  /** Path before the image's name in references: `docker-virtual`, or empty; null for that of the delivery. */
  readonly pathPrefix: string | null
  /** The `aud` of tokens; null for the URL of the receiver. */
  readonly audience: string | null
  /** E-mail address of the account in tokens. */
  readonly serviceAccount: string | null
  /** False for a sender that sends the secret in place of a signature; null is true. */
  readonly signed: boolean | null
}

/** A receiver's endpoint as its sender knows it. */
export interface SenderEndpoint {
  /** Absolute URL without a query. */
  readonly url: string
  /** The newest secret, or a placeholder in documentation. */
  readonly secret: string
  readonly settings: SenderSettings
}

/** The endpoint of a receiver, without its secret. */
export type PublicEndpoint = Omit<SenderEndpoint, 'secret'>

/** The image of a sample delivery. */
export interface SampleImage {
  readonly registry: string
  readonly repository: string
  readonly tag: TagName
  readonly digest: Digest
}

/** A way to authenticate deliveries. Stateless. */
export interface Scheme {
  readonly authenticity: Authenticity
  /** Authenticates a delivery with any of the valid secrets; an empty one matches nothing. Never throws or rejects. */
  authenticate(
    delivery: Delivery,
    secrets: readonly string[],
    endpoint: PublicEndpoint & Platforms,
  ): DeliveryAuthentication | Promise<DeliveryAuthentication>
  /** Returns the delivery with the endpoint's secret, or a signature with it; for `JWT` without a token. */
  sign(delivery: Delivery, endpoint: SenderEndpoint & Platforms): Delivery
}

/** A kind of sender: how its deliveries are authenticated and read, and how it is set up. Stateless. */
export interface SenderDefinition {
  /** Name in messages, and in the heading of its README. */
  readonly title: string
  /** One sentence for the schema of the API. */
  readonly description: string
  /** The registry of a sender that has only one, as in references. */
  readonly registry?: string
  readonly scheme: Scheme
  /** POST unless given. A sender with a handshake may use OPTIONS. */
  readonly methods?: readonly ('POST' | 'OPTIONS')[]
  /** Settings that it uses; all use the registry. */
  readonly settings?: { readonly [name in Exclude<keyof SenderSettings, 'registry'>]?: 'NEEDED' | 'OPTIONAL' }
  /**
   * Adds the changes of a delivery to `hints`. Returns the sender's id of the delivery, empty for none, or the response to a
   * handshake. Throws InvalidDeliveryError only, and not for a sender that repeats a refused delivery before all others.
   */
  read(
    delivery: Delivery,
    hints: HintCollector,
    settings: SenderSettings,
  ): string | Pick<Required<ParsedDelivery>, 'note' | 'handshake'>
  /** Returns the steps of the setup at the sender, each a sentence or a command. */
  setUp(endpoint: SenderEndpoint): readonly string[]
  /** Returns the JSON body of a delivery that reports a push of the image. */
  sample(image: SampleImage, settings: SenderSettings): unknown
  /** Headers of a sample other than those of its scheme; keys are in lower case. */
  readonly sampleHeaders?: Readonly<Record<string, string>>
}
