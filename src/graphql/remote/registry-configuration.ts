import { formatPrefix } from '../../logins/registry-login.ts'
import { type CertificateFacts, certificatesOf } from '../../registry-config/certificate.ts'
import type { Mirror, ProxySetting, RegistryConfiguration } from '../../registry-config/configuration.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { rowsOfList } from '../kit/list-page.ts'

export const RegistryAccessEnum = builder.enumType('RegistryAccess', {
  description: 'Whether images may be imported from a registry.',
  values: {
    ALLOWED: { description: 'They may be.' },
    BLOCKED: {
      description:
        'They may not be: no connection is opened, and streams that would import from there are not taken.',
    },
  } as const,
})

export const RegistryMirrorUseEnum = builder.enumType('RegistryMirrorUse', {
  description: 'What a mirror is asked for.',
  values: {
    ALL: { description: 'What tags mean, and content by its digest.' },
    TAGS: { description: 'What tags mean: what it says of a tag goes into the tag’s history.' },
    DIGESTS: {
      description:
        'Content by its digest, which is verified, so that a stale or bad mirror changes nothing; what tags mean is asked of the registry itself.',
    },
  } as const,
})

export const RegistryVendorEnum = builder.enumType('RegistryVendor', {
  description: 'What a registry is, where its host’s name does not tell.',
  values: {
    HARBOR: { description: 'A Harbor, whoever runs it.' },
    GITLAB: { description: 'The container registry of a GitLab.' },
    QUAY: { description: 'A Quay of one’s own.' },
    JFROG: { description: 'JFrog Artifactory.' },
    ZOT: { description: 'A zot with its search extension.' },
    NONE: { description: 'None that has a listing of its own: it is asked by the common protocol alone.' },
  } as const,
})

const CertificateType = builder.objectRef<CertificateFacts>('RegistryCertificate').implement({
  description: 'What a certificate says of itself.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'Whom it is for.' }),
    issuer: t.exposeString('issuer', { description: 'Who certified it.' }),
    validFrom: t.field({
      type: 'DateTime',
      description: 'Since when it is good.',
      resolve: ({ validFrom }) => validFrom,
    }),
    validTo: t.field({
      type: 'DateTime',
      description: 'Until when it is good.',
      resolve: ({ validTo }) => validTo,
    }),
    fingerprint: t.exposeString('fingerprint', {
      description: 'SHA-256 of it, as `openssl x509 -fingerprint -sha256` writes it.',
    }),
  }),
})

const RegistryMirrorType = builder.objectRef<Mirror>('RegistryMirror').implement({
  description: 'Another place that has the same images.',
  fields: (t) => ({
    location: t.exposeString('location', {
      description: 'What stands there in the place of the configuration’s prefix: `mirror.example/quay`.',
    }),
    insecure: t.exposeBoolean('insecure', {
      description: 'Whether plain HTTP, or a certificate that does not verify, is accepted there.',
    }),
    serves: t.field({
      type: RegistryMirrorUseEnum,
      description: 'What it is asked for.',
      resolve: ({ serves }) => serves,
    }),
  }),
})

const RegistryProxyType = builder.objectRef<ProxySetting>('RegistryProxy').implement({
  description: 'An HTTP proxy. Its password can be replaced, and never read.',
  fields: (t) => ({
    url: t.exposeString('url', { description: 'Where it is: `http://proxy.example:3128`.' }),
    username: t.exposeString('username', {
      nullable: true,
      description: 'The user name that it is shown; null where it wants no login.',
    }),
  }),
})

export const RegistryConfigurationType = builder.objectRef<RegistryConfiguration>('RegistryConfiguration')
RegistryConfigurationType.implement({
  description:
    'How a registry, or the repositories of one below a path, are reached. What is null is not said here, and is taken from the next shorter prefix that says it.',
  fields: (t) => ({
    prefix: t.string({
      description:
        'What it is for: a registry (`quay.io`), or the repositories of one below a path of whole segments (`quay.io/team`). The longest one that a repository lies below counts.',
      resolve: formatPrefix,
    }),
    access: t.field({
      type: RegistryAccessEnum,
      nullable: true,
      description:
        'Whether images may be imported from there; null leaves it to shorter prefixes and the default.',
      resolve: ({ access }) => access,
    }),
    location: t.exposeString('location', {
      nullable: true,
      description: 'What stands in the prefix’s place when a registry is asked.',
    }),
    mirrors: t.field({
      type: [RegistryMirrorType],
      nullable: true,
      description:
        'Where to ask before, in this order; what none of them has comes from the registry itself.',
      resolve: ({ mirrors }) => mirrors,
    }),
    insecure: t.exposeBoolean('insecure', {
      nullable: true,
      description: 'Whether plain HTTP, or a certificate that does not verify, is accepted.',
    }),
    authorities: t.field({
      type: [CertificateType],
      // each is parsed for the answer
      complexity: 10,
      description:
        'The certificates of `ca` that are trusted for it, beside those that are trusted for any registry; empty where none are said here.',
      resolve: ({ ca }) => (ca === null ? [] : certificatesOf(ca)),
    }),
    clientCertificate: t.field({
      type: CertificateType,
      nullable: true,
      description:
        'What it is shown when it asks for a certificate. The key for it can be replaced, and never read.',
      resolve: ({ clientCertificate }) =>
        clientCertificate === null ? null : (certificatesOf(clientCertificate)[0] ?? null),
    }),
    proxy: t.field({
      type: RegistryProxyType,
      nullable: true,
      description: 'The proxy that it, its token server and where it redirects to are reached through.',
      resolve: ({ proxy }) => proxy,
    }),
    concurrency: t.exposeInt('concurrency', {
      nullable: true,
      description: 'Requests that it is sent at a time; null is `--requests-per-registry`.',
    }),
    requestsPerSecond: t.exposeFloat('requestsPerSecond', {
      nullable: true,
      description: 'Requests that it is sent in a second; null is as many as it answers.',
    }),
    vendor: t.field({
      type: RegistryVendorEnum,
      nullable: true,
      description: 'What it is; null where that is found out.',
      resolve: ({ vendor }) => vendor,
    }),
    apiUrl: t.exposeString('apiUrl', {
      nullable: true,
      description: 'Where the vendor’s own interface is, if not in its usual place.',
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When this prefix was first configured.',
      resolve: ({ createdAt }) => createdAt,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When that was last changed.',
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
    description: 'How registries are reached, by prefix: at most 1000.',
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
    description: 'Whether images may be imported from registries of which no configuration says it.',
    resolve: (_query, _args, { configurations }) => configurations.defaultAccess(),
  }),
}))
