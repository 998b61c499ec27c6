import { checkNamespace, parseSecret } from '../../credentials/credential-input.ts'
import type { RegistryCredential } from '../../credentials/credential-rows.ts'
import { formatPrefix } from '../../logins/registry-login.ts'
import { builder } from '../kit/builder.ts'
import {
  AwsAccessKeyInput,
  AzureServicePrincipalInput,
  GoogleServiceAccountInput,
} from './cloud-secret-input.ts'

const RegistryCredentialKindEnum = builder.enumType('RegistryCredentialKind', {
  description: 'What somebody signs in to a registry with.',
  values: {
    PASSWORD: { description: 'A user name with a password, or with an access token in its place.' },
    IDENTITY_TOKEN: { description: 'An OAuth2 refresh token, which the token server exchanges.' },
    BEARER_TOKEN: { description: 'A token that the registry itself takes, sent as it is.' },
    AWS_ACCESS_KEY: {
      description: 'A key of an AWS user, which Amazon exchanges for a password of twelve hours.',
    },
    GOOGLE_SERVICE_ACCOUNT: {
      description: 'A key of a Google Cloud service account, which Google exchanges for a token of one hour.',
    },
    AZURE_SERVICE_PRINCIPAL: {
      description:
        'A secret of an application in Microsoft Entra, which Azure exchanges for a token of about three hours.',
    },
  } as const,
})

export const RegistryCredentialType = builder.objectRef<RegistryCredential>('RegistryCredential').implement({
  description:
    'What a namespace’s images are imported and pulled through with. Its password or token can be replaced, and never read.',
  fields: (t) => ({
    namespace: t.exposeString('namespace', { description: 'The namespace whose streams it is used for.' }),
    prefix: t.string({
      description:
        'What it is for: a registry (`quay.io`), or the repositories of one below a path (`quay.io/team`). The longest one that a repository lies below counts.',
      resolve: formatPrefix,
    }),
    kind: t.field({
      type: RegistryCredentialKindEnum,
      description: 'What is signed in with.',
      resolve: ({ kind }) => kind,
    }),
    username: t.string({
      nullable: true,
      description:
        'Whom it signs in: the user name, the id of an AWS access key, the address of a service account, or the id of an application in Entra; null where nothing says.',
      resolve: ({ username }) => username || null,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When a credential was first set for this prefix.',
      resolve: ({ createdAt }) => createdAt,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When it was last set.',
      resolve: ({ updatedAt }) => updatedAt,
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When a registry was last shown it, or what its cloud gave for it, by an import, a schedule or a test; null when none was since it was set. A crash of the server may lose the last minute of it.',
      resolve: ({ lastUsedAt }) => lastUsedAt,
    }),
  }),
})

const SetRegistryCredentialInput = builder.inputType('SetRegistryCredentialInput', {
  description:
    'A credential for a registry: exactly one of `password`, `identityToken`, `bearerToken`, `aws`, `google` and `azure`.',
  fields: (t) => ({
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: 'The namespace whose streams it is used for.',
    }),
    prefix: t.string({
      required: true,
      description:
        'What it is for: a registry (`quay.io`, `docker.io`, `localhost:5000`), or the repositories of one below a path of whole segments (`quay.io/team`).',
    }),
    username: t.string({ description: 'The user name; needed with a password.' }),
    password: t.string({ description: 'A password, or an access token that stands for one.' }),
    identityToken: t.string({
      description: 'An OAuth2 refresh token: `identitytoken` in a docker config.',
    }),
    bearerToken: t.string({
      description: 'A token that the registry itself takes: `registrytoken` in a docker config.',
    }),
    aws: t.field({ type: AwsAccessKeyInput, description: 'An access key, for Amazon ECR.' }),
    google: t.field({
      type: GoogleServiceAccountInput,
      description: 'A service account’s key, for Google Artifact Registry and Container Registry.',
    }),
    azure: t.field({
      type: AzureServicePrincipalInput,
      description: 'An application’s secret, for Azure Container Registry.',
    }),
  }),
})

const DeleteRegistryCredentialInput = builder.inputType('DeleteRegistryCredentialInput', {
  description: 'A credential to delete.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Its namespace.' }),
    prefix: t.string({ required: true, description: 'What it is for, as it was set.' }),
  }),
})

interface Payload {
  readonly registryCredential: RegistryCredential
}

const payload = (name: string, description: string) =>
  builder.objectRef<Payload>(name).implement({
    description,
    fields: (t) => ({
      registryCredential: t.field({
        type: RegistryCredentialType,
        description: 'The credential, without its secret.',
        resolve: ({ registryCredential }) => registryCredential,
      }),
    }),
  })

const SetRegistryCredentialPayload = payload(
  'SetRegistryCredentialPayload',
  'The credential as it is kept from now on.',
)
const DeleteRegistryCredentialPayload = payload(
  'DeleteRegistryCredentialPayload',
  'The credential as it was before it was deleted.',
)

builder.queryField('registryCredentials', (t) =>
  t.field({
    type: [RegistryCredentialType],
    description:
      'What a namespace’s registries are read with, by prefix; at most 500. Where none fits, the server’s own `--docker-config` is used.',
    complexity: 100,
    args: {
      namespace: t.arg.string({ required: true, defaultValue: 'default', description: 'The namespace.' }),
    },
    resolve: (_query, { namespace }, { credentials }) => {
      checkNamespace(namespace)
      return credentials.ofNamespace(namespace)
    },
  }),
)

builder.mutationFields((t) => ({
  setRegistryCredential: t.field({
    type: SetRegistryCredentialPayload,
    description:
      'Keeps a credential, sealed, and uses it from the next import on; replaces the one that was there for the same prefix.',
    args: {
      input: t.arg({ type: SetRegistryCredentialInput, required: true, description: 'The credential.' }),
    },
    resolve: (_mutation, { input }, { credentials }) => {
      const { namespace, prefix, ...given } = input
      return { registryCredential: credentials.set({ namespace, prefix, secret: parseSecret(given) }) }
    },
  }),
  deleteRegistryCredential: t.field({
    type: DeleteRegistryCredentialPayload,
    description: 'Deletes a credential. Imports that run already may still use it to their end.',
    args: {
      input: t.arg({
        type: DeleteRegistryCredentialInput,
        required: true,
        description: 'Which one to delete.',
      }),
    },
    resolve: (_mutation, { input }, { credentials }) => ({ registryCredential: credentials.delete(input) }),
  }),
}))
