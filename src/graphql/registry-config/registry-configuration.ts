import { type CertificateFacts, certificatesOf } from '../../input/certificate.ts'
import { formatPrefix } from '../../logins/registry-login.ts'
import type { Mirror, ProxySetting, RegistryConfiguration } from '../../registry-config/configuration.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { enumType, objectType } from '../kit/types.ts'

registerRowNode('RegistryConfiguration', {
  load: (id, { configurations }) => configurations.byId(id),
  access: 'server-admin',
})

/** Returns the global id of a configuration. */
export const configurationId = ({ id }: Pick<RegistryConfiguration, 'id'>): string =>
  nodeId('RegistryConfiguration', id)

export const RegistryAccessEnum = enumType('RegistryAccess', {
  description: 'Whether imports from a registry are allowed.',
  values: {
    ALLOWED: 'Imports are allowed.',
    BLOCKED:
      'Imports are blocked: the server opens no connection, and rejects image streams that import from the registry.',
  },
})

export const RegistryMirrorUseEnum = enumType('RegistryMirrorUse', {
  description: 'Requests that a mirror serves.',
  values: {
    ALL: 'Requests by tag and by digest.',
    TAGS: 'Requests by tag. The mirror’s responses become part of the tags’ histories.',
    DIGESTS:
      'Requests by digest, whose content is verified: an outdated or faulty mirror cannot change an image. Requests by tag go to the registry.',
  },
})

export const RegistryVendorEnum = enumType('RegistryVendor', {
  description: 'Vendor of a registry, for registries whose host name does not identify the vendor.',
  values: {
    HARBOR: 'CNCF Harbor.',
    GITLAB: 'Container registry of GitLab.',
    QUAY: 'Self-hosted Quay.',
    JFROG: 'JFrog Artifactory.',
    ZOT: 'zot with its search extension.',
    NONE: 'A registry without a vendor’s listing: only the OCI distribution protocol is used.',
  },
})

const CertificateType = objectType<CertificateFacts>('RegistryCertificate', {
  description: 'Properties of a certificate.',
  properties: (t) => ({
    subject: t.string('Subject of the certificate.'),
    issuer: t.string('Issuer of the certificate.'),
    validFrom: t.dateTime('Time from which the certificate is valid.'),
    validUntil: t.dateTime('Time until which the certificate is valid.'),
    fingerprint: t.string(
      'SHA-256 fingerprint of the certificate, as printed by `openssl x509 -fingerprint -sha256`.',
    ),
  }),
})

const RegistryMirrorType = objectType<Mirror>('RegistryMirror', {
  description: 'A mirror: another location with the same images.',
  properties: (t) => ({
    location: t.string(
      'Location that replaces the configuration’s prefix, for example `mirror.example/quay`.',
    ),
    insecure: t.boolean(
      'Whether connections to the mirror may use plain HTTP or accept an invalid certificate.',
    ),
    serves: t.one(RegistryMirrorUseEnum, 'Requests that the mirror serves.'),
  }),
})

const RegistryProxyType = objectType<ProxySetting>('RegistryProxy', {
  description: 'An HTTP proxy. The server never returns its password.',
  properties: (t) => ({
    url: t.string('URL of the proxy, for example `http://proxy.example:3128`.'),
    username: t.stringOrNull('User name for the proxy; null if it requires none.'),
  }),
})

export const RegistryConfigurationType = builder.objectRef<RegistryConfiguration>('RegistryConfiguration')
objectType(RegistryConfigurationType, {
  description:
    'Configuration of a registry, or of its repositories below a path. Null fields are not set here and come from the next shorter prefix that sets them. The server never returns its secrets.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    access: t.oneOrNull(
      RegistryAccessEnum,
      'Whether imports are allowed; null if shorter prefixes or the default access decide.',
    ),
    location: t.stringOrNull('Location that replaces the prefix in requests; null if it is not set.'),
    mirrors: t.listOrNull(
      RegistryMirrorType,
      'Mirrors that are requested before the registry, in this order; at most 10. Null if shorter prefixes decide; an empty list disables them.',
    ),
    insecure: t.booleanOrNull(
      'Whether connections may use plain HTTP or accept an invalid certificate; null if shorter prefixes decide.',
    ),
    proxy: t.oneOrNull(
      RegistryProxyType,
      'Proxy for connections to the registry, to its token server and to the hosts that it redirects to; null if none is set here.',
    ),
    concurrency: t.intOrNull(
      'Maximum number of concurrent requests to the registry; null for the default (`--requests-per-registry`).',
    ),
    requestsPerSecond: t.floatOrNull(
      'Maximum number of requests to the registry per second; null for no limit.',
    ),
    vendor: t.oneOrNull(RegistryVendorEnum, 'Vendor of the registry; null if the server detects the vendor.'),
    apiUrl: t.stringOrNull('Base URL of the vendor’s API; null for the default location.'),
    createdAt: t.dateTime('Time at which the prefix was first configured.'),
  }),
  fields: (t) => ({
    id: t.id({ description: 'Global identifier of the configuration.', resolve: configurationId }),
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Time at which the configuration last changed.',
    }),
    prefix: t.string({
      description:
        'Registry (`quay.io`), or a registry and whole segments of a path (`quay.io/team`), that the configuration applies to. The longest prefix of a repository takes precedence.',
      resolve: formatPrefix,
    }),
    authorities: t.field({
      type: [CertificateType],
      // each certificate is parsed for the response
      complexity: 10,
      description:
        'Certificates that are trusted for the registry, in addition to those that are trusted for all registries; about 40 at most, as `ca` has at most 64 KiB. Empty if `ca` is not set here.',
      resolve: ({ ca }) => (ca === null ? [] : certificatesOf(ca)),
    }),
    clientCertificate: t.field({
      type: CertificateType,
      nullable: true,
      description:
        'Client certificate for the registry; null if none is set here. The server never returns its private key.',
      resolve: ({ clientCertificate }) =>
        clientCertificate === null ? null : (certificatesOf(clientCertificate)[0] ?? null),
    }),
  }),
})

const RegistryConfigurationConnection = connectionType('RegistryConfiguration', RegistryConfigurationType, {
  items: 'configurations',
})

const keyOf = ({ registry, path }: RegistryConfiguration): [string, string] => [registry, path]
const cursors = keyCursors<RegistryConfiguration>('registryConfigurations', keyOf, ['string', 'string'])

builder.queryFields((t) => ({
  registryConfigurations: t.field({
    type: RegistryConfigurationConnection,
    description:
      'Returns the registry configurations of this server, ordered by prefix; there are at most 1000.',
    access: 'server-admin',
    example: `
      query RegistryConfigurations {
        registryConfigurations(first: 10) { nodes { prefix access concurrency mirrors { location } } }
      }
    `,
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (_query, args, { configurations }, info) =>
      listConnection(args, info, { cursors, keyOf, items: configurations.all() }),
  }),
  registryDefaultAccess: t.field({
    type: RegistryAccessEnum,
    description: 'Returns whether imports are allowed from registries without a configured `access`.',
    access: 'server-admin',
    example: `
      query RegistryDefaultAccess {
        registryDefaultAccess
      }
    `,
    resolve: (_query, _args, { configurations }) => configurations.defaultAccess(),
  }),
}))
