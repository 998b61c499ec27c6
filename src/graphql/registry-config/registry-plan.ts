import { InvalidInputError } from '../../input/errors.ts'
import { formatRepository, InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import type { RepositoryLocation, RepositoryPlan } from '../../remote/location/registry-rules.ts'
import { builder } from '../kit/builder.ts'
import { objectType } from '../kit/types.ts'
import { RegistryMirrorUseEnum } from './registry-configuration.ts'

const RegistryLocationType = objectType<RepositoryLocation>('RegistryLocation', {
  description: 'A location from which a repository is read, and the properties of connections to it.',
  properties: (t) => ({
    isMirror: t.boolean('Whether the location is a mirror. The last location is not.'),
    serves: t.one(RegistryMirrorUseEnum, 'Requests that the location serves.'),
    insecure: t.boolean(
      'Whether connections may use plain HTTP or accept an invalid certificate, regardless of the image stream’s setting.',
    ),
  }),
  fields: (t) => ({
    repository: t.string({
      description:
        'Host and repository of the location, for example `mirror.example/quay/app`. Credentials are chosen by this name.',
      resolve: formatRepository,
    }),
    hasAuthority: t.boolean({
      description: 'Whether additional certificates are trusted for the location.',
      resolve: ({ route }) => (route?.ca.length ?? 0) > 0,
    }),
    hasClientCertificate: t.boolean({
      description: 'Whether a client certificate is configured for the location.',
      resolve: ({ route }) => route?.client != null,
    }),
    proxyUrl: t.string({
      nullable: true,
      description: 'URL of the proxy for the location, without its login; null if there is none.',
      resolve: ({ route }) => route?.proxy?.url ?? null,
    }),
    message: t.exposeString('problem', {
      nullable: true,
      description:
        'Explanation for people why the location cannot be requested as configured, for example a lost secret; null if it can be requested.',
    }),
  }),
})

const RegistryPlanType = builder.objectRef<RepositoryPlan>('RegistryPlan').implement({
  description: 'Effect of all registry configurations for one repository.',
  fields: (t) => ({
    isBlocked: t.boolean({
      description:
        'Whether a registry configuration or the default access blocks imports from the repository.',
      resolve: (plan) => 'blockedBy' in plan,
    }),
    message: t.string({
      nullable: true,
      description:
        'Explanation for people of the rule that blocks imports, and what permits them; null if imports are allowed.',
      resolve: (plan) => ('blockedBy' in plan ? plan.blockedBy : null),
    }),
    locations: t.field({
      type: [RegistryLocationType],
      description:
        'Locations in the order in which they are requested: at most 10 mirrors and the registry. Empty if imports are blocked.',
      resolve: (plan) => ('locations' in plan ? plan.locations : []),
    }),
  }),
})

builder.queryField('registryPlan', (t) =>
  t.field({
    type: RegistryPlanType,
    description:
      'Returns the locations that the next import of a repository would request, and whether the import is allowed. The server sends no request. The right in any stream is enough.',
    access: 'import',
    example: `
      # Where the server would read a repository from.
      query RegistryPlan {
        registryPlan(repository: "docker.io/library/ruby") { isBlocked message locations { repository isMirror } }
      }
    `,
    args: {
      repository: t.arg.string({
        required: true,
        description: 'Repository as in an image stream’s spec, for example `quay.io/team/app`.',
      }),
    },
    resolve: (_query, { repository }, { viewer, configurations }) =>
      configurations.planOf(viewer, parsed(repository)),
  }),
)

function parsed(name: string) {
  try {
    return parseReference(name)
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error
    throw new InvalidInputError('repository', error.message, { cause: error })
  }
}
