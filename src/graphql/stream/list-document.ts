import {
  documentWarnings,
  imageStreamDocument,
  listJson,
  listYaml,
} from '../../documents/image-stream-document.ts'
import { builder } from '../kit/builder.ts'
import { reported } from '../kit/truncated-lists.ts'
import { documentFormatArg } from './image-stream.ts'
import { ImageStreamConnection } from './stream-search.ts'

/** Complexity of the document of one image stream; the connection multiplies it by the streams of the page. */
const DOCUMENT_COMPLEXITY = 300

builder.objectField(ImageStreamConnection, 'document', (t) =>
  t.string({
    description:
      'The image streams of this page as one OpenShift `List` of `ImageStream` documents (`image.openshift.io/v1`), with all tags and their history, as from `oc get imagestreams`. `applyImageStream` takes it as `documents`. At most as many image streams as a page has: `pageInfo` leads to the others.',
    args: documentFormatArg,
    complexity: DOCUMENT_COMPLEXITY,
    resolve: async (connection, { format }, context, info) => {
      const items: object[] = []
      const warnings: string[] = []
      for (const stream of reported(await connection.nodes, connection, context, info)) {
        await context.work.nextTurn()
        const item = imageStreamDocument(stream, context)
        context.work.spend(JSON.stringify(item).length)
        items.push(item)
        if (format === 'YAML') {
          const path = `items[${items.length - 1}]`
          warnings.push(...documentWarnings(stream, context).map((warning) => `${path}.${warning}`))
        }
      }
      return format === 'YAML' ? listYaml(items, warnings) : listJson(items)
    },
  }),
)
