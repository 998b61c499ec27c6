import { formatPrefix } from '../../logins/registry-login.ts'
import { type CertificateFacts, certificatesOf } from '../../registry-config/certificate.ts'
import type { Mirror, ProxySetting, RegistryConfiguration } from '../../registry-config/configuration.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { rowsOfList } from '../kit/list-page.ts'

export const RegistryAccessEnum = builder.enumType('RegistryAccess', {
  description: 'Whether imports from a registry are allowed.',
  values: {
    ALLOWED: { description: 'Imports are allowed.' },
    BLOCKED: {
      description:
        'Imports are blocked: the server opens no connection, and rejects image streams that import from the registry.',
    },
  } as const,
})

export const RegistryMirrorUseEnum = builder.enumType('RegistryMirrorUse', {
  description: 'Requests that a mirror serves.',
  values: {
    ALL: { description: 'Requests by tag and by digest.' },
    TAGS: { description: 'Requests by tag. The mirror’s responses become part of the tags’ histories.' },
    DIGESTS: {
      description:
        'Requests by digest, whose content is verified: an outdated or faulty mirror cannot change an image. Requests by tag go to the registry.',
    },
  } as const,
})

export const RegistryVendorEnum = builder.enumType('RegistryVendor', {
  description: 'Vendor of a registry, for registries whose host name does not identify the vendor.',
  values: {
    HARBOR: { description: 'CNCF Harbor.' },
    GITLAB: { description: 'Container registry of GitLab.' },
    QUAY: { description: 'Self-hosted Quay.' },
    JFROG: { description: 'JFrog Artifactory.' },
    ZOT: { description: 'zot with its search extension.' },
    NONE: {
      description: 'A registry without a vendor’s listing: only the OCI distribution protocol is used.',
    },
  } as const,
})

const CertificateType = builder.objectRef<CertificateFacts>('RegistryCertificate').implement({
  description: 'Properties of a certificate.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'Subject of the certificate.' }),
    issuer: t.exposeString('issuer', { description: 'Issuer of the certificate.' }),
    validFrom: t.field({
      type: 'DateTime',
      description: 'Time from which the certificate is valid.',
      resolve: ({ validFrom }) => validFrom,
    }),
    validTo: t.field({
      type: 'DateTime',
      description: 'Time until which the certificate is valid.',
      resolve: ({ validTo }) => validTo,
    }),
    fingerprint: t.exposeString('fingerprint', {
      description:
        'SHA-256 fingerprint of the certificate, as printed by `openssl x509 -fingerprint -sha256`.',
    }),
  }),
})

const RegistryMirrorType = builder.objectRef<Mirror>('RegistryMirror').implement({
  description: 'A mirror: another location with the same images.',
  fields: (t) => ({
    location: t.exposeString('location', {
      description: 'Location that replaces the configuration’s prefix, for example `mirror.example/quay`.',
    }),
    insecure: t.exposeBoolean('insecure', {
      description: 'Whether connections to the mirror may use plain HTTP or accept an invalid certificate.',
    }),
    serves: t.field({
      type: RegistryMirrorUseEnum,
      description: 'Requests that the mirror serves.',
      resolve: ({ serves }) => serves,
    }),
  }),
})

const RegistryProxyType = builder.objectRef<ProxySetting>('RegistryProxy').implement({
  description: 'An HTTP proxy. The server never returns its password.',
  fields: (t) => ({
    url: t.exposeString('url', { description: 'URL of the proxy, for example `http://proxy.example:3128`.' }),
    username: t.exposeString('username', {
      nullable: true,
      description: 'User name for the proxy; null if it requires none.',
    }),
  }),
})

export const RegistryConfigurationType = builder.objectRef<RegistryConfiguration>('RegistryConfiguration')
RegistryConfigurationType.implement({
  description:
    'Configuration of a registry, or of its repositories below a path. Null fields are not set here and come from the next shorter prefix that sets them.',
  fields: (t) => ({
    prefix: t.string({
      description:
        'Registry (`quay.io`), or a registry and whole segments of a path (`quay.io/team`), that the configuration applies to. The longest prefix of a repository takes precedence.',
      resolve: formatPrefix,
    }),
    access: t.field({
      type: RegistryAccessEnum,
      nullable: true,
      description: 'Whether imports are allowed; null if shorter prefixes or the default access decide.',
      resolve: ({ access }) => access,
    }),
    location: t.exposeString('location', {
      nullable: true,
      description: 'Location that replaces the prefix in requests; null if it is not set.',
    }),
    mirrors: t.field({
      type: [RegistryMirrorType],
      nullable: true,
      description:
        'Mirrors that are requested before the registry, in this order. Null if shorter prefixes decide; an empty list disables them.',
      resolve: ({ mirrors }) => mirrors,
    }),
    insecure: t.exposeBoolean('insecure', {
      nullable: true,
      description:
        'Whether connections may use plain HTTP or accept an invalid certificate; null if shorter prefixes decide.',
    }),
    authorities: t.field({
      type: [CertificateType],
      // each certificate is parsed for the response
      complexity: 10,
      description:
        'Certificates that are trusted for the registry, in addition to those that are trusted for all registries. Empty if `ca` is not set here.',
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
    proxy: t.field({
      type: RegistryProxyType,
      nullable: true,
      description:
        'Proxy for connections to the registry, to its token server and to the hosts that it redirects to; null if none is set here.',
      resolve: ({ proxy }) => proxy,
    }),
    concurrency: t.exposeInt('concurrency', {
      nullable: true,
      description:
        'Maximum number of concurrent requests to the registry; null for the default (`--requests-per-registry`).',
    }),
    requestsPerSecond: t.exposeFloat('requestsPerSecond', {
      nullable: true,
      description: 'Maximum number of requests to the registry per second; null for no limit.',
    }),
    vendor: t.field({
      type: RegistryVendorEnum,
      nullable: true,
      description: 'Vendor of the registry; null if the server detects the vendor.',
      resolve: ({ vendor }) => vendor,
    }),
    apiUrl: t.exposeString('apiUrl', {
      nullable: true,
      description: 'Base URL of the vendor’s API; null for the default location.',
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'Time at which the prefix was first configured.',
      resolve: ({ createdAt }) => createdAt,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'Time at which the configuration last changed.',
      resolve: ({ updatedAt }) => updatedAt,
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
    description: 'Returns the registry configurations, ordered by prefix; there are at most 1000.',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (_query, args, { configurations }, info) => {
      const page = pageOf(args, cursors, info)
      const all = configurations.all()
      return new Connection({
        page,
        cursors,
        rows: () => rowsOfList(all, keyOf, page),
        totalCount: () => all.length,
      })
    },
  }),
  registryDefaultAccess: t.field({
    type: RegistryAccessEnum,
    description: 'Returns whether imports are allowed from registries without a configured `access`.',
    resolve: (_query, _args, { configurations }) => configurations.defaultAccess(),
  }),
}))
