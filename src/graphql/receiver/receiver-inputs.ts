import { MAX_OVERLAP_MINUTES } from '../../receivers/receivers.ts'
import { inputType } from '../kit/inputs.ts'
import { ReceiverSenderEnum } from './receiver-settings.ts'

const ReceiverSettingsInput = inputType('ReceiverSettingsInput', {
  description:
    'Settings of some senders in addition to the secret. `INVALID` for a setting that the sender does not use.',
  fields: (t) => ({
    pathPrefix: t.string(
      'Prefix of image names in references, instead of the sender’s own repository, for example `docker-virtual`.',
    ),
    audience: t.string('Required `aud` claim of the sender’s token. If omitted, the receiver’s URL.'),
    serviceAccount: t.string('Required service account of the sender’s token, as an e-mail address.'),
    signed: t.boolean(
      'Whether the secret signs the body, for a sender that can also send the secret itself.',
    ),
  }),
})

const SCOPE_DESCRIPTIONS = {
  registry: 'Registry whose changes the receiver reports, spelled as in references: `registry.example:5000`.',
  aliases:
    'Other host names that the sender may use for the registry, for example in a private network; at most 100.',
  repositories:
    'Paths of the repositories whose changes the receiver may report: `team/app`, or `team` for all repositories below it; at most 100. An empty list allows all.',
  settings: 'Settings of the sender in addition to the secret.',
} as const

export const CreateReceiverInput = inputType('CreateReceiverInput', {
  description: 'A receiver to create.',
  fields: (t) => ({
    namespace: t.namespace('Namespace whose image streams the receiver applies to'),
    sender: t.requiredOne(ReceiverSenderEnum, 'Sender of the deliveries, which determines their format.'),
    registry: t.string(
      `${SCOPE_DESCRIPTIONS.registry} Required except for Docker Hub, Quay and GitHub, which have one each.`,
    ),
    aliases: t.strings(SCOPE_DESCRIPTIONS.aliases),
    repositories: t.strings(SCOPE_DESCRIPTIONS.repositories),
    settings: t.one(ReceiverSettingsInput, SCOPE_DESCRIPTIONS.settings),
  }),
})

export const UpdateReceiverInput = inputType('UpdateReceiverInput', {
  description: 'Changes of a receiver. Omitted fields do not change.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the receiver.'),
    registry: t.string(SCOPE_DESCRIPTIONS.registry),
    aliases: t.strings(SCOPE_DESCRIPTIONS.aliases),
    repositories: t.strings(SCOPE_DESCRIPTIONS.repositories),
    settings: t.one(ReceiverSettingsInput, SCOPE_DESCRIPTIONS.settings),
    enabled: t.boolean('Whether the receiver accepts deliveries.'),
    dropOldSecret: t.flag('Whether to accept only the newest secret from now on; the default is false.'),
  }),
})

export const RotateReceiverSecretInput = inputType('RotateReceiverSecretInput', {
  description: 'A receiver whose secret is to be replaced.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the receiver.'),
    keepOldMinutes: t.int({
      defaultValue: 24 * 60,
      description: `Minutes for which the previous secret is also accepted, 0 to ${MAX_OVERLAP_MINUTES}; the default is 1440. Null accepts it until \`updateReceiver(input: { dropOldSecret: true })\`.`,
    }),
  }),
})

export const DeleteReceiverInput = inputType('DeleteReceiverInput', {
  description: 'A receiver to delete, with its delivery log.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the receiver.'),
  }),
})
