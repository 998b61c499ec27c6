import { InvalidInputError } from '../../input/errors.ts'
import { formatRepository, InvalidReferenceError, parseReference } from '../../oci/reference.ts'
import type { RepositoryLocation, RepositoryPlan } from '../../remote/location/registry-rules.ts'
import { builder } from '../kit/builder.ts'
import { RegistryMirrorUseEnum } from './registry-configuration.ts'

const RegistryPlaceType = builder.objectRef<RepositoryLocation>('RegistryPlace').implement({
  description: 'Where a repository is asked for, and how that place is connected to.',
  fields: (t) => ({
    repository: t.string({
      description: 'Host and repository: `mirror.example/quay/app`. Credentials are those for this name.',
      resolve: formatRepository,
    }),
    isMirror: t.exposeBoolean('isMirror', { description: 'Whether it is a mirror; the last place is none.' }),
    serves: t.field({
      type: RegistryMirrorUseEnum,
      description: 'What it is asked for.',
      resolve: ({ serves }) => serves,
    }),
    insecure: t.exposeBoolean('insecure', {
      description:
        'Whether plain HTTP, or a certificate that does not verify, is accepted there, whoever asks.',
    }),
    hasAuthority: t.boolean({
      description: 'Whether certificates of an authority of its own are trusted there.',
      resolve: ({ route }) => (route?.ca.length ?? 0) > 0,
    }),
    hasClientCertificate: t.boolean({
      description: 'Whether it is shown a certificate when it asks for one.',
      resolve: ({ route }) => route?.client != null,
    }),
    proxy: t.string({
      nullable: true,
      description: 'The proxy on the way; null for none.',
      resolve: ({ route }) => route?.proxy?.url ?? null,
    }),
    problem: t.exposeString('problem', {
      nullable: true,
      description: 'Why it cannot be asked as it was configured: a secret that is lost. Null where it can.',
    }),
  }),
})

const RegistryPlanType = builder.objectRef<RepositoryPlan>('RegistryPlan').implement({
  description: 'What all configurations together mean for one repository.',
  fields: (t) => ({
    blockedBy: t.string({
      nullable: true,
      description: 'Which rule says that nothing may be imported from there; null where it may be.',
      resolve: (plan) => ('blockedBy' in plan ? plan.blockedBy : null),
    }),
    places: t.field({
      type: [RegistryPlaceType],
      description: 'Where it is asked for, one after the other; empty where it is blocked.',
      resolve: (plan) => ('locations' in plan ? plan.locations : []),
    }),
  }),
})

builder.queryField('registryPlan', (t) =>
  t.field({
    type: RegistryPlanType,
    description:
      'Where the next import of a repository would ask, and whether it may: nothing is asked for this answer.',
    args: {
      repository: t.arg.string({
        required: true,
        description: 'A repository as a stream’s spec names it: `quay.io/team/app`.',
      }),
    },
    resolve: (_query, { repository: name }, { configurations }) => {
      const { registry, repository } = parsed(name)
      return configurations.rules().planOf(registry, repository)
    },
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
