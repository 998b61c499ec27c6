import { listJson, listYaml } from '../../documents/image-stream-document.ts'
import { builder } from '../kit/builder.ts'
import { reported } from '../kit/truncated-lists.ts'
import { wholeDocument } from './document-parts.ts'
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
      const streams = reported(await connection.nodes, connection, context, info)
      return wholeDocument(streams, context, (all) => (format === 'YAML' ? listYaml : listJson)(all, context))
    },
  }),
)
