import { ImageConfigType, KeyValueType, PlatformType } from '../kit/object-types.ts'

PlatformType.implement({
  description: 'What an image runs on.',
  fields: (t) => ({
    os: t.exposeString('os', { description: 'Operating system: `linux`.' }),
    architecture: t.exposeString('architecture', {
      description: 'Processor architecture: `amd64`, `arm64`.',
    }),
    variant: t.string({
      nullable: true,
      description: 'Version of the architecture: `v7`.',
      resolve: ({ variant }) => variant,
    }),
  }),
})

ImageConfigType.implement({
  description: 'How an image is run, unless a workload says otherwise.',
  fields: (t) => ({
    user: t.exposeString('user', { nullable: true, description: 'User, and group, to run as.' }),
    workingDir: t.exposeString('workingDir', { nullable: true, description: 'Directory to start in.' }),
    env: t.field({
      type: ['String'],
      description: 'Environment, as `NAME=value`.',
      resolve: ({ env }) => env,
    }),
    entrypoint: t.field({
      type: ['String'],
      nullable: true,
      description: 'Program to start, with its first arguments.',
      resolve: ({ entrypoint }) => entrypoint,
    }),
    cmd: t.field({
      type: ['String'],
      nullable: true,
      description: 'Arguments of the entrypoint, or the program where there is none.',
      resolve: ({ cmd }) => cmd,
    }),
    exposedPorts: t.field({
      type: ['String'],
      description: 'Ports that it listens on: `8080/tcp`.',
      resolve: ({ exposedPorts }) => exposedPorts,
    }),
    volumes: t.field({
      type: ['String'],
      description: 'Directories that hold what outlives a container.',
      resolve: ({ volumes }) => volumes,
    }),
    labels: t.field({
      type: [KeyValueType],
      description: 'Labels of the image.',
      resolve: ({ labels }) => Object.entries(labels).map(([key, value]) => ({ key, value })),
    }),
    stopSignal: t.exposeString('stopSignal', { nullable: true, description: 'Signal that asks it to stop.' }),
  }),
})
