import { repositoryPathOf } from '../../oci/repository-name.ts'
import { builder } from '../kit/builder.ts'
import { connectionArgs } from '../kit/connection-type.ts'
import { ImageStreamType } from '../kit/references.ts'
import { tagSearchArgs, tagSearchComplexity } from '../tag/tag-search.ts'
import { ImageStreamTagConnection, ImageStreamTagOrderEnum, tagsOfStream } from '../tag/tags-of-stream.ts'

builder.objectFields(ImageStreamType, (t) => ({
  checkedAt: t.expose('checkedAt', {
    type: 'DateTime',
    nullable: true,
    description:
      'Time at which an import last succeeded for all of its tags, changed or not; null if there was none. `notCheckedSince` filters by this time.',
  }),
  dockerImageRepository: t.string({
    description:
      'Repository from which clients can pull the stream’s images, and to which they can push: the repository with the stream’s name in the integrated registry. If the registry is external, `spec.dockerImageRepository` takes precedence.',
    resolve: (stream, _args, { pullRepository }) => pullRepository(stream),
  }),
  publicDockerImageRepository: t.string({
    nullable: true,
    description:
      'Repository of the stream under the registry’s public host name (`--registry-host`); null if none is configured.',
    resolve: (stream, _args, { registry: { publicHost } }) =>
      publicHost === null ? null : `${publicHost}/${repositoryPathOf(stream)}`,
  }),
  changedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description:
      'Time at which one of the stream’s tags last got another image; null if no tag ever had an image. `unchangedSince` filters by this time.',
    resolve: ({ newestAt }) => newestAt || null,
  }),
  tags: t.field({
    type: ImageStreamTagConnection,
    description:
      'Tags of the image stream. By default the most important come first: `latest`, then minor versions, then full versions, each with the newest first, then other tags by name.',
    args: {
      ...tagSearchArgs,
      orderBy: t.arg({
        type: ImageStreamTagOrderEnum,
        description: 'Sort order of the tags. If omitted, tags are ordered by importance.',
      }),
      ...connectionArgs,
    },
    complexity: tagSearchComplexity,
    resolve: tagsOfStream,
  }),
}))
