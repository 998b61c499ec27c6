import { inputType } from '../kit/mutation.ts'

/** Input `aws` of `setRegistryCredential`. */
export const AwsAccessKeyInput = inputType('AwsAccessKeyInput', {
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

/** Input `google` of `setRegistryCredential`. */
export const GoogleServiceAccountInput = inputType('GoogleServiceAccountInput', {
  description: 'A key of a Google Cloud service account.',
  fields: (t) => ({
    serviceAccountKey: t.requiredString(
      'Content of the JSON file from `gcloud iam service-accounts keys create`.',
    ),
  }),
})

/** Input `azure` of `setRegistryCredential`. */
export const AzureServicePrincipalInput = inputType('AzureServicePrincipalInput', {
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
