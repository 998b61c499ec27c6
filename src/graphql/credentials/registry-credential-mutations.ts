import { parseSecret } from '../../credentials/credential-input.ts'
import type { RegistryCredential } from '../../credentials/credential-rows.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { credentialId, RegistryCredentialType } from './registry-credential.ts'

const AwsAccessKeyInput = inputType('AwsAccessKeyInput', {
  description: 'An AWS access key, for example from `aws iam create-access-key`.',
  fields: (t) => ({
    accessKeyId: t.requiredString('ID of the access key, for example `AKIAIOSFODNN7EXAMPLE`.'),
    secretAccessKey: t.requiredString('Secret of the access key.'),
    sessionToken: t.string(
      'Session token of a temporary access key, whose ID starts with `ASIA`. A temporary key expires with its session.',
    ),
    region: t.string(
      'AWS region of the registry, for example `eu-west-1`. Required only if the registry’s host name does not contain the region, for example behind another host name.',
    ),
  }),
})

const GoogleServiceAccountInput = inputType('GoogleServiceAccountInput', {
  description: 'A key of a Google Cloud service account.',
  fields: (t) => ({
    serviceAccountKey: t.requiredString(
      'Content of the JSON file from `gcloud iam service-accounts keys create`.',
    ),
  }),
})

const AzureServicePrincipalInput = inputType('AzureServicePrincipalInput', {
  description: 'A service principal of Microsoft Entra, for example from `az ad sp create-for-rbac`.',
  fields: (t) => ({
    tenantId: t.requiredString(
      'Tenant of the service principal: its ID or one of its domains; `tenant` in the output of `az`.',
    ),
    clientId: t.requiredString(
      'Application (client) ID of the service principal; `appId` in the output of `az`.',
    ),
    clientSecret: t.requiredString('Value of a client secret; `password` in the output of `az`.'),
    loginServer: t.string(
      'Login server of the registry, for example `team.azurecr.io`. Required only if the registry is behind another host name.',
    ),
  }),
})

const SetRegistryCredentialInput = inputType('SetRegistryCredentialInput', {
  description:
    'A registry credential. Exactly one of `password`, `identityToken`, `bearerToken`, `aws`, `google` and `azure` is required.',
  fields: (t) => ({
    namespace: t.namespace('Namespace whose image streams use the credential'),
    prefix: t.requiredString(
      'Registry (`quay.io`, `docker.io`, `localhost:5000`), or a registry and whole segments of a path (`quay.io/team`), that the credential applies to.',
    ),
    username: t.string('User name; required with `password`.'),
    password: t.string('Password, or an access token that is used as a password.'),
    identityToken: t.string('OAuth2 refresh token: `identitytoken` in a docker config.'),
    bearerToken: t.string('Bearer token for the registry: `registrytoken` in a docker config.'),
    aws: t.one(AwsAccessKeyInput, 'AWS access key, for Amazon ECR.'),
    google: t.one(
      GoogleServiceAccountInput,
      'Key of a service account, for Google Artifact Registry and Container Registry.',
    ),
    azure: t.one(
      AzureServicePrincipalInput,
      'Client secret of a service principal, for Azure Container Registry.',
    ),
  }),
})

const DeleteRegistryCredentialInput = inputType('DeleteRegistryCredentialInput', {
  description: 'A registry credential to delete.',
  fields: (t) => ({
    namespace: t.namespace('Namespace of the credential'),
    prefix: t.requiredString('Prefix of the credential, as it was set.'),
  }),
})

interface ChangedCredential {
  readonly registryCredential: RegistryCredential
}

const SetRegistryCredentialPayload = objectType<ChangedCredential>('SetRegistryCredentialPayload', {
  description: 'The stored credential.',
  properties: (t) => ({
    registryCredential: t.one(RegistryCredentialType, 'The credential, without its secret.'),
  }),
})

const DeleteRegistryCredentialPayload = objectType<ChangedCredential>('DeleteRegistryCredentialPayload', {
  description: 'The deleted credential.',
  properties: (t) => ({
    registryCredential: t.one(
      RegistryCredentialType,
      'The credential in its state before the deletion, without its secret.',
    ),
  }),
  fields: (t) => ({
    deletedId: t.id({
      description: 'Global `id` of the deleted credential.',
      resolve: ({ registryCredential }) => credentialId(registryCredential),
    }),
  }),
})

mutation('setRegistryCredential', {
  description:
    'Stores a registry credential, encrypted, and replaces the present credential of the same namespace and prefix. The next import uses it.',
  access: 'credentials',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # A login for all repositories of a registry.
    mutation SetRegistryCredential {
      setRegistryCredential(input: { prefix: "docker.io", username: "reader", password: "secret" }) {
        registryCredential { namespace prefix username }
      }
    }
  `,
  input: SetRegistryCredentialInput,
  inputDescription: 'The credential.',
  payload: SetRegistryCredentialPayload,
  resolve: (input, { viewer, credentials }) => {
    const { namespace, prefix, ...given } = input
    return { registryCredential: credentials.set(viewer, { namespace, prefix, secret: parseSecret(given) }) }
  },
})

mutation('deleteRegistryCredential', {
  description:
    'Deletes a registry credential. Running imports may use it until they finish. `NOT_FOUND` if the credential does not exist.',
  access: 'credentials',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation DeleteRegistryCredential {
      deleteRegistryCredential(input: { prefix: "ghcr.io" }) { deletedId }
    }
  `,
  input: DeleteRegistryCredentialInput,
  inputDescription: 'The credential to delete.',
  payload: DeleteRegistryCredentialPayload,
  resolve: (input, { viewer, credentials }) => ({ registryCredential: credentials.delete(viewer, input) }),
})
