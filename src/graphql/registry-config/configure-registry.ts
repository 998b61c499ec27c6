import type { Access } from '../../registry-config/configuration.ts'
import type { ChangedConfiguration } from '../../registry-config/registry-configurations.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import {
  configurationId,
  RegistryAccessEnum,
  RegistryConfigurationType,
  RegistryMirrorUseEnum,
  RegistryVendorEnum,
} from './registry-configuration.ts'

const RegistryMirrorInput = inputType('RegistryMirrorInput', {
  description: 'A mirror: another location with the same images.',
  fields: (t) => ({
    location: t.requiredString(
      'Location that replaces the configuration’s prefix: with `mirror.example/quay` for `quay.io`, `quay.io/team/app` is read from `mirror.example/quay/team/app`.',
    ),
    insecure: t.flag(
      'Whether connections to the mirror may use plain HTTP or accept an invalid certificate; the default is false.',
    ),
    serves: t.field({
      type: RegistryMirrorUseEnum,
      required: true,
      defaultValue: 'DIGESTS',
      description: 'Requests that the mirror serves; the default is `DIGESTS`.',
    }),
  }),
})

const RegistryClientCertificateInput = inputType('RegistryClientCertificateInput', {
  description: 'A client certificate for a registry that requires one.',
  fields: (t) => ({
    certificate: t.requiredString('Certificate in PEM, followed by the intermediate certificates.'),
    key: t.requiredString(
      'Unencrypted private key of the certificate in PEM. The server stores it encrypted and never returns it.',
    ),
  }),
})

const RegistryProxyInput = inputType('RegistryProxyInput', {
  description: 'An HTTP proxy. It replaces the present proxy with its password.',
  fields: (t) => ({
    url: t.requiredString('URL of the proxy without a user name and password: `http://proxy.example:3128`.'),
    username: t.string('User name, if the proxy requires one.'),
    password: t.string(
      'Password, if the proxy requires one. The server stores it encrypted and never returns it.',
    ),
  }),
})

const ConfigureRegistryInput = inputType('ConfigureRegistryInput', {
  description:
    'Configuration of a registry, or of its repositories below a path. Omitted fields do not change; null removes a value.',
  fields: (t) => ({
    prefix: t.requiredString(
      'Registry (`quay.io`, `docker.io`, `localhost:5000`), or a registry and whole segments of a path (`quay.io/team`), that the configuration applies to.',
    ),
    access: t.one(RegistryAccessEnum, 'Whether imports from the registry are allowed.'),
    location: t.string(
      'Location that replaces the prefix in requests. The credentials, certificates, proxy and limits of that location apply.',
    ),
    mirrors: t.list(
      RegistryMirrorInput,
      'Mirrors to request before the registry, in this order; at most 10. An empty list disables the mirrors of shorter prefixes.',
    ),
    insecure: t.boolean('Whether connections may use plain HTTP or accept an invalid certificate.'),
    ca: t.string(
      'Certificates in PEM that are trusted for the registry, in addition to those that are trusted for all registries.',
    ),
    clientCertificate: t.one(RegistryClientCertificateInput, 'Client certificate for the registry.'),
    proxy: t.one(
      RegistryProxyInput,
      'Proxy for connections to the registry, to its token server and to the hosts that it redirects to.',
    ),
    concurrency: t.int({
      description:
        'Maximum number of concurrent requests to the registry, 1 to 256. Allowed only if `prefix` is a whole registry.',
    }),
    requestsPerSecond: t.float({
      description:
        'Maximum number of requests to the registry per second, 0.01 to 10000. Allowed only if `prefix` is a whole registry.',
    }),
    vendor: t.one(
      RegistryVendorEnum,
      'Vendor of the registry, if the server cannot derive it from the host name.',
    ),
    apiUrl: t.string(
      'Base URL of the vendor’s API, if it is not at the registry’s host: `https://harbor.example`, `https://jfrog.example/artifactory`. Not used for GitLab and zot.',
    ),
  }),
})

const DeleteRegistryConfigurationInput = inputType('DeleteRegistryConfigurationInput', {
  description: 'A registry configuration to delete.',
  fields: (t) => ({
    prefix: t.requiredString('Prefix of the configuration, as it was set.'),
  }),
})

const SetRegistryDefaultAccessInput = inputType('SetRegistryDefaultAccessInput', {
  description: 'Default access of registries without a configured `access`.',
  fields: (t) => ({
    access: t.requiredOne(
      RegistryAccessEnum,
      'Default access. With `BLOCKED`, imports are allowed only from prefixes with access `ALLOWED`.',
    ),
  }),
})

const ConfigureRegistryPayload = objectType<ChangedConfiguration>('ConfigureRegistryPayload', {
  description: 'The configuration, which applies from the next request.',
  properties: (t) => ({
    registryConfiguration: t.one(RegistryConfigurationType, 'The configuration, without its secrets.'),
    unboundCredentialCount: t.int(
      'Number of credentials that are not sent until they are set again: the change decides what server would receive them (`insecure`, `ca`, `proxy`, `vendor`, `apiUrl`). `unboundBy` of a credential names the configuration.',
    ),
  }),
})

const DeleteRegistryConfigurationPayload = objectType<ChangedConfiguration>(
  'DeleteRegistryConfigurationPayload',
  {
    description: 'The deleted configuration.',
    properties: (t) => ({
      registryConfiguration: t.one(
        RegistryConfigurationType,
        'The configuration in its state before the deletion, without its secrets.',
      ),
      unboundCredentialCount: t.int(
        'Number of credentials that are not sent until they are set again: the change decides what server would receive them (`insecure`, `ca`, `proxy`, `vendor`, `apiUrl`). `unboundBy` of a credential names the configuration.',
      ),
    }),
    fields: (t) => ({
      deletedId: t.id({
        description: 'Global `id` of the deleted configuration.',
        resolve: ({ registryConfiguration }) => configurationId(registryConfiguration),
      }),
    }),
  },
)
const SetRegistryDefaultAccessPayload = objectType<{ registryDefaultAccess: Access }>(
  'SetRegistryDefaultAccessPayload',
  {
    description: 'Default access that applies from the next request.',
    properties: (t) => ({
      registryDefaultAccess: t.one(
        RegistryAccessEnum,
        'Default access of registries without a configured `access`.',
      ),
    }),
  },
)

mutation('configureRegistry', {
  description:
    'Creates or changes the configuration of a registry, or of its repositories below a path. It applies from the next request: idle connections are closed, and running requests finish with the previous configuration.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # At most five requests a second to a registry, four at a time.
    mutation ConfigureRegistry {
      configureRegistry(input: { prefix: "registry.example.com", requestsPerSecond: 5, concurrency: 4 }) {
        registryConfiguration { prefix requestsPerSecond concurrency }
      }
    }
  `,
  input: ConfigureRegistryInput,
  inputDescription: 'The configuration.',
  payload: ConfigureRegistryPayload,
  resolve: (input, { viewer, configurations }) => configurations.configure(viewer, input),
})

mutation('deleteRegistryConfiguration', {
  description:
    'Deletes a registry configuration with its secrets. Shorter prefixes and the default access apply again. `NOT_FOUND` if the configuration does not exist.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation DeleteRegistryConfiguration {
      deleteRegistryConfiguration(input: { prefix: "registry.example.com" }) { deletedId }
    }
  `,
  input: DeleteRegistryConfigurationInput,
  inputDescription: 'The configuration to delete.',
  payload: DeleteRegistryConfigurationPayload,
  resolve: ({ prefix }, { viewer, configurations }) => configurations.delete(viewer, prefix),
})

mutation('setRegistryDefaultAccess', {
  description:
    'Sets whether imports are allowed from registries without a configured `access`. The initial value is `ALLOWED`.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # All registries may be requested unless a configuration blocks them.
    mutation SetRegistryDefaultAccess {
      setRegistryDefaultAccess(input: { access: ALLOWED }) { registryDefaultAccess }
    }
  `,
  input: SetRegistryDefaultAccessInput,
  inputDescription: 'The default access.',
  payload: SetRegistryDefaultAccessPayload,
  resolve: (input, { viewer, configurations }) => {
    configurations.setDefaultAccess(viewer, input.access)
    return { registryDefaultAccess: configurations.defaultAccess() }
  },
})
