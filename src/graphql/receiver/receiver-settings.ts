import type { Receiver } from '../../receivers/receiver.ts'
import type { SecretLifetime } from '../../receivers/secrets.ts'
import { SENDER_KINDS, SENDERS, type SenderKind } from '../../vendors/senders.ts'
import { enumType, objectType } from '../kit/types.ts'

export const ReceiverSenderEnum = enumType('ReceiverSender', {
  description: 'Sender of webhook deliveries, which determines their format and authentication.',
  values: Object.fromEntries(SENDER_KINDS.map((kind) => [kind, SENDERS[kind].description])) as Record<
    SenderKind,
    string
  >,
})

export const ReceiverAuthenticityEnum = enumType('ReceiverAuthenticity', {
  description: 'Method by which a delivery is authenticated.',
  values: {
    SIGNATURE: 'The body is signed with the secret.',
    TOKEN: 'A header contains the secret.',
    URL: 'The URL contains the secret as `?secret=`, because the sender supports no other method.',
    JWT: 'The sender’s platform signs a token with keys of its own; there is no secret.',
  },
})

/** A property of a receiver. */
export const ReceiverSecretType = objectType<SecretLifetime>('ReceiverSecret', {
  description: 'An accepted secret of a receiver, without its value.',
  properties: (t) => ({
    createdAt: t.dateTime('Time at which the secret was created.'),
    expiresAt: t.dateTimeOrNull(
      'Time from which the secret is no longer accepted; null if it does not expire.',
    ),
  }),
})

/** A property of a receiver. */
export const ReceiverSettingsType = objectType<Receiver['settings']>('ReceiverSettings', {
  description: 'Settings of some senders in addition to the secret.',
  properties: (t) => ({
    pathPrefix: t.stringOrNull(
      'Prefix of image names in references, instead of the sender’s own repository, for example `docker-virtual`; null if it is not set.',
    ),
    audience: t.stringOrNull('Required `aud` claim of the sender’s token; null for the receiver’s URL.'),
    serviceAccount: t.stringOrNull(
      'Required service account of the sender’s token, as an e-mail address; null if it is not set.',
    ),
    signed: t.booleanOrNull(
      'Whether the secret signs the body, for a sender that can also send the secret itself; null for the default, which is true.',
    ),
  }),
})
