import type { RegistryCredential } from '../../credentials/credential-rows.ts'
import { formatPrefix } from '../../logins/registry-login.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { namespaceFilterArg, namespaceIn } from '../kit/search-filter.ts'
import { enumType, objectType } from '../kit/types.ts'

registerRowNode('RegistryCredential', {
  load: (id, { viewer, credentials }) => credentials.byId(viewer, id),
  access: 'load',
})

/** Returns the global id of a credential. It contains nothing of the secret, and setting the credential again keeps it. */
export const credentialId = ({ id }: Pick<RegistryCredential, 'id'>): string =>
  nodeId('RegistryCredential', id)

const RegistryCredentialKindEnum = enumType('RegistryCredentialKind', {
  description: 'Kind of a registry credential.',
  values: {
    PASSWORD: 'A user name with a password or an access token.',
    IDENTITY_TOKEN:
      'An OAuth2 refresh token, which the registry’s token server exchanges for an access token.',
    BEARER_TOKEN: 'A bearer token that is sent to the registry unchanged.',
    AWS_ACCESS_KEY:
      'An access key of an AWS user, which Amazon ECR exchanges for a password that is valid for 12 hours.',
    GOOGLE_SERVICE_ACCOUNT:
      'A key of a Google Cloud service account, which Google exchanges for a token that is valid for one hour.',
    AZURE_SERVICE_PRINCIPAL:
      'A client secret of a Microsoft Entra service principal, which Azure exchanges for a token that is valid for about three hours.',
  },
})

export const RegistryCredentialType = builder.objectRef<RegistryCredential>('RegistryCredential')
objectType(RegistryCredentialType, {
  description:
    'A credential with which the image streams of a namespace import from a registry, and pull through it. The server never returns its password, token or key. Setting it again keeps its `id`.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace whose image streams use the credential.'),
    kind: t.one(RegistryCredentialKindEnum, 'Kind of the credential.'),
    createdAt: t.dateTime('Time at which a credential was first set for the prefix.'),
    lastUsedAt: t.dateTimeOrNull(
      'Time at which the credential, or a token obtained with it, was last sent to a registry by an import or a test. Null if it was not used since it was set. A crash of the server may lose the last minute of use.',
    ),
  }),
  fields: (t) => ({
    id: t.id({ description: 'Global identifier of the credential.', resolve: credentialId }),
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Time at which the credential was last set.',
    }),
    prefix: t.string({
      description:
        'Registry (`quay.io`), or a registry and whole segments of a path (`quay.io/team`), that the credential applies to. The longest prefix of a repository takes precedence.',
      resolve: formatPrefix,
    }),
    unboundBy: t.expose('unboundBy', {
      type: 'String',
      nullable: true,
      description:
        'Prefix of the registry configuration whose change decided what server receives the credential, so that it is not sent until it is set again; null for a credential that is sent.',
    }),
    username: t.string({
      nullable: true,
      description:
        'User name, ID of the AWS access key, address of the service account, or application ID in Entra; null if the credential contains none.',
      resolve: ({ username }) => username || null,
    }),
  }),
})

const RegistryCredentialConnection = connectionType('RegistryCredential', RegistryCredentialType, {
  items: 'credentials',
})

const cursors = keyCursors<RegistryCredential>(
  'registryCredentials',
  ({ namespace, registry, path }) => [namespace, registry, path],
  ['string', 'string', 'string'],
)

builder.queryField('registryCredentials', (t) =>
  t.field({
    type: RegistryCredentialConnection,
    description:
      'Returns the registry credentials of the namespaces in which the viewer has the right, or of one of them, ordered by namespace and prefix; a namespace has at most 500. Repositories without a matching credential use the server’s `--docker-config`, in the namespaces of `--docker-config-namespaces`.',
    access: 'credentials',
    example: `
      # The credentials of all namespaces, without their secrets.
      query RegistryCredentials {
        registryCredentials(first: 10) { nodes { namespace prefix username lastUsedAt } }
      }
    `,
    complexity: pageComplexity,
    args: {
      ...namespaceFilterArg('credentials'),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { viewer, credentials }, info) => {
      const wanted = namespaceIn(namespace)
      return connection(args, info, {
        cursors,
        rows: (page) => credentials.page(viewer, wanted, page),
        totalCount: () => credentials.count(viewer, wanted),
      })
    },
  }),
)
