import { ImageConfigType, KeyValueType, PlatformType } from '../kit/object-types.ts'

PlatformType.implement({
  description: 'Platform that an image runs on.',
  fields: (t) => ({
    os: t.exposeString('os', { description: 'Operating system, for example `linux`.' }),
    architecture: t.exposeString('architecture', {
      description: 'Processor architecture, for example `amd64` or `arm64`.',
    }),
    variant: t.string({
      nullable: true,
      description: 'Variant of the architecture, for example `v7`; null if the image declares none.',
      resolve: ({ variant }) => variant,
    }),
  }),
})

ImageConfigType.implement({
  description: 'Run settings of an image, from the image’s config. A workload may override each of them.',
  fields: (t) => ({
    user: t.exposeString('user', {
      nullable: true,
      description: 'User, and optionally group, that the process runs as; null if the config declares none.',
    }),
    workingDir: t.exposeString('workingDir', {
      nullable: true,
      description: 'Working directory of the process; null if the config declares none.',
    }),
    env: t.field({
      type: ['String'],
      description: 'Environment variables, each as `NAME=value`.',
      resolve: ({ env }) => env,
    }),
    entrypoint: t.field({
      type: ['String'],
      nullable: true,
      description: 'Program to start, with its first arguments; null if the config declares none.',
      resolve: ({ entrypoint }) => entrypoint,
    }),
    cmd: t.field({
      type: ['String'],
      nullable: true,
      description:
        'Arguments of the entrypoint, or the program and its arguments if there is no entrypoint; null if the config declares none.',
      resolve: ({ cmd }) => cmd,
    }),
    exposedPorts: t.field({
      type: ['String'],
      description: 'Ports that the image declares, for example `8080/tcp`.',
      resolve: ({ exposedPorts }) => exposedPorts,
    }),
    volumes: t.field({
      type: ['String'],
      description: 'Directories that the image declares as volumes.',
      resolve: ({ volumes }) => volumes,
    }),
    labels: t.field({
      type: [KeyValueType],
      description: 'Labels of the image’s config.',
      resolve: ({ labels }) => Object.entries(labels).map(([key, value]) => ({ key, value })),
    }),
    stopSignal: t.exposeString('stopSignal', {
      nullable: true,
      description: 'Signal that stops the process, for example `SIGTERM`; null if the config declares none.',
    }),
  }),
})
