import { builder } from '../kit/builder.ts'

/** `aws` of `setRegistryCredential`. */
export const AwsAccessKeyInput = builder.inputType('AwsAccessKeyInput', {
  description: 'An access key of AWS, as `aws iam create-access-key` makes one.',
  fields: (t) => ({
    accessKeyId: t.string({ required: true, description: 'The key’s id, as `AKIAIOSFODNN7EXAMPLE` is.' }),
    secretAccessKey: t.string({ required: true, description: 'The key itself.' }),
    sessionToken: t.string({
      description:
        'What belongs to a temporary key, whose id begins with `ASIA`; such a key ends with its session.',
    }),
    region: t.string({
      description:
        'Where the registry is, as `eu-west-1`: needed only where its name does not say so, because it stands behind another.',
    }),
  }),
})

/** `google` of `setRegistryCredential`. */
export const GoogleServiceAccountInput = builder.inputType('GoogleServiceAccountInput', {
  description: 'A key of a service account of Google Cloud.',
  fields: (t) => ({
    serviceAccountKey: t.string({
      required: true,
      description: 'The JSON file that `gcloud iam service-accounts keys create` writes, whole.',
    }),
  }),
})

/** `azure` of `setRegistryCredential`. */
export const AzureServicePrincipalInput = builder.inputType('AzureServicePrincipalInput', {
  description: 'An application in Microsoft Entra, as `az ad sp create-for-rbac` makes one.',
  fields: (t) => ({
    tenantId: t.string({
      required: true,
      description: 'The directory that it is in: its id or one of its domains; `tenant` in what `az` prints.',
    }),
    clientId: t.string({ required: true, description: 'The application’s id; `appId` in what `az` prints.' }),
    clientSecret: t.string({
      required: true,
      description: 'The value of one of its secrets; `password` in what `az` prints.',
    }),
    loginServer: t.string({
      description:
        'The registry’s name at Azure, as `team.azurecr.io`: needed only where it stands behind another name.',
    }),
  }),
})
