import { ImageConfigType, KeyValueType, PlatformType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'

objectType(PlatformType, {
  description: 'Platform that an image runs on.',
  properties: (t) => ({
    os: t.string('Operating system, for example `linux`.'),
    architecture: t.string('Processor architecture, for example `amd64` or `arm64`.'),
    variant: t.stringOrNull(
      'Variant of the architecture, for example `v7`; null if the image declares none.',
    ),
  }),
})

objectType(ImageConfigType, {
  description:
    'Run settings of an image, from the image’s config. A workload may override each of them. The lists are bounded by the size of a config, at most 8 MiB.',
  properties: (t) => ({
    user: t.stringOrNull(
      'User, and optionally group, that the process runs as; null if the config declares none.',
    ),
    workingDir: t.stringOrNull('Working directory of the process; null if the config declares none.'),
    env: t.strings('Environment variables, each as `NAME=value`; bounded by the size of the config.'),
    exposedPorts: t.strings(
      'Ports that the image declares, for example `8080/tcp`; bounded by the size of the config.',
    ),
    volumes: t.strings('Directories that the image declares as volumes; bounded by the size of the config.'),
    stopSignal: t.stringOrNull(
      'Signal that stops the process, for example `SIGTERM`; null if the config declares none.',
    ),
  }),
  fields: (t) => ({
    entrypoint: t.field({
      type: ['String'],
      nullable: true,
      description:
        'Program to start, with its first arguments; null if the config declares none. Bounded by the size of the config.',
      resolve: ({ entrypoint }) => entrypoint,
    }),
    cmd: t.field({
      type: ['String'],
      nullable: true,
      description:
        'Arguments of the entrypoint, or the program and its arguments if there is no entrypoint; null if the config declares none. Bounded by the size of the config.',
      resolve: ({ cmd }) => cmd,
    }),
    labels: t.field({
      type: [KeyValueType],
      description: 'Labels of the image’s config; bounded by its size.',
      resolve: ({ labels }) => Object.entries(labels).map(([key, value]) => ({ key, value })),
    }),
  }),
})
