import type { Access, RegistryConfiguration } from '../../registry-config/configuration.ts'
import { builder } from '../kit/builder.ts'
import {
  RegistryAccessEnum,
  RegistryConfigurationType,
  RegistryMirrorUseEnum,
  RegistryVendorEnum,
} from './registry-configuration.ts'

const RegistryMirrorInput = builder.inputType('RegistryMirrorInput', {
  description: 'Another place that has the same images.',
  fields: (t) => ({
    location: t.string({
      required: true,
      description:
        'What stands there in the place of the prefix: with `mirror.example/quay` for `quay.io`, `quay.io/team/app` is read from `mirror.example/quay/team/app`.',
    }),
    insecure: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Accepts plain HTTP, or a certificate that does not verify, there.',
    }),
    serves: t.field({
      type: RegistryMirrorUseEnum,
      required: true,
      defaultValue: 'DIGESTS',
      description: 'What it is asked for.',
    }),
  }),
})

const RegistryClientCertificateInput = builder.inputType('RegistryClientCertificateInput', {
  description: 'What a registry is shown that asks for a certificate.',
  fields: (t) => ({
    certificate: t.string({
      required: true,
      description: 'The certificate in PEM, and behind it those between it and its authority.',
    }),
    key: t.string({
      required: true,
      description: 'Its private key in PEM, not encrypted: it is kept sealed.',
    }),
  }),
})

const RegistryProxyInput = builder.inputType('RegistryProxyInput', {
  description: 'An HTTP proxy, whole: a password is not kept when its proxy changes.',
  fields: (t) => ({
    url: t.string({
      required: true,
      description: 'Where it is, without a login: `http://proxy.example:3128`.',
    }),
    username: t.string({ description: 'The user name, where it wants a login.' }),
    password: t.string({ description: 'The password, which is kept sealed.' }),
  }),
})

const ConfigureRegistryInput = builder.inputType('ConfigureRegistryInput', {
  description:
    'How a registry, or the repositories of one below a path, are to be reached. What is left out stays as it is, and what is null is not said any more.',
  fields: (t) => ({
    prefix: t.string({
      required: true,
      description:
        'What it is for: a registry (`quay.io`, `docker.io`, `localhost:5000`), or the repositories of one below a path of whole segments (`quay.io/team`).',
    }),
    access: t.field({
      type: RegistryAccessEnum,
      description: 'Whether images may be imported from there.',
    }),
    location: t.string({
      description:
        'What stands in the prefix’s place when a registry is asked. What is said of that place goes for it: its credentials, certificates, proxy and limits.',
    }),
    mirrors: t.field({
      type: [RegistryMirrorInput],
      description:
        'Where to ask before, in this order: at most 10. An empty list is none, whatever shorter prefixes say.',
    }),
    insecure: t.boolean({ description: 'Accepts plain HTTP, or a certificate that does not verify.' }),
    ca: t.string({
      description:
        'Certificates in PEM that are trusted for it, beside those that are trusted for any registry.',
    }),
    clientCertificate: t.field({
      type: RegistryClientCertificateInput,
      description: 'What it is shown when it asks for a certificate.',
    }),
    proxy: t.field({
      type: RegistryProxyInput,
      description: 'The proxy that it, its token server and where it redirects to are reached through.',
    }),
    concurrency: t.int({
      description: 'Requests that it is sent at a time: 1 to 256. For a whole registry only.',
    }),
    requestsPerSecond: t.float({
      description: 'Requests that it is sent in a second: 0.01 to 10000. For a whole registry only.',
    }),
    vendor: t.field({ type: RegistryVendorEnum, description: 'What it is, where its name does not tell.' }),
    apiUrl: t.string({
      description:
        'Where the vendor’s own interface is, if not at the registry itself: `https://harbor.example`, `https://jfrog.example/artifactory`. GitLab and zot are always asked at the registry.',
    }),
  }),
})

const DeleteRegistryConfigurationInput = builder.inputType('DeleteRegistryConfigurationInput', {
  description: 'A configuration to delete.',
  fields: (t) => ({
    prefix: t.string({ required: true, description: 'What it is for, as it was configured.' }),
  }),
})

const SetRegistryDefaultAccessInput = builder.inputType('SetRegistryDefaultAccessInput', {
  description:
    'What goes for registries of which no configuration says whether images may be imported from them.',
  fields: (t) => ({
    access: t.field({
      type: RegistryAccessEnum,
      required: true,
      description: 'With `BLOCKED`, what is configured as `ALLOWED` is a list of all that may be imported.',
    }),
  }),
})

const payload = (name: string, description: string) =>
  builder.objectRef<{ registryConfiguration: RegistryConfiguration }>(name).implement({
    description,
    fields: (t) => ({
      registryConfiguration: t.field({
        type: RegistryConfigurationType,
        description: 'The configuration, without its secrets.',
        resolve: ({ registryConfiguration }) => registryConfiguration,
      }),
    }),
  })

const ConfigureRegistryPayload = payload(
  'ConfigureRegistryPayload',
  'The configuration as it goes from the next request on.',
)
const DeleteRegistryConfigurationPayload = payload(
  'DeleteRegistryConfigurationPayload',
  'The configuration as it was before it was deleted.',
)
const SetRegistryDefaultAccessPayload = builder
  .objectRef<{ access: Access }>('SetRegistryDefaultAccessPayload')
  .implement({
    description: 'What goes from the next request on.',
    fields: (t) => ({
      access: t.field({
        type: RegistryAccessEnum,
        description: 'Whether images may be imported from registries of which no configuration says it.',
        resolve: ({ access }) => access,
      }),
    }),
  })

builder.mutationFields((t) => ({
  configureRegistry: t.field({
    type: ConfigureRegistryPayload,
    description:
      'Says how a registry, or a part of one, is reached, from the next request on. Connections that are kept open are closed; what is under way ends as it began.',
    args: {
      input: t.arg({ type: ConfigureRegistryInput, required: true, description: 'What is to be different.' }),
    },
    resolve: (_mutation, { input }, { configurations }) => ({
      registryConfiguration: configurations.configure(input),
    }),
  }),
  deleteRegistryConfiguration: t.field({
    type: DeleteRegistryConfigurationPayload,
    description: 'Deletes a configuration with its secrets: shorter prefixes and the default count again.',
    args: {
      input: t.arg({
        type: DeleteRegistryConfigurationInput,
        required: true,
        description: 'Which one to delete.',
      }),
    },
    resolve: (_mutation, { input }, { configurations }) => ({
      registryConfiguration: configurations.delete(input.prefix),
    }),
  }),
  setRegistryDefaultAccess: t.field({
    type: SetRegistryDefaultAccessPayload,
    description:
      'Says whether images may be imported from registries of which no configuration says it: at first they may.',
    args: {
      input: t.arg({ type: SetRegistryDefaultAccessInput, required: true, description: 'What is to go.' }),
    },
    resolve: (_mutation, { input }, { configurations }) => {
      configurations.setDefaultAccess(input.access)
      return { access: configurations.defaultAccess() }
    },
  }),
}))
