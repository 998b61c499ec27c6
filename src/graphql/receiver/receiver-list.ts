import type { Receiver } from '../../receivers/receiver.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { namespaceFilterArg, namespaceIn } from '../kit/search-filter.ts'
import { ReceiverType } from './references.ts'

const ReceiverConnection = connectionType('Receiver', ReceiverType, { items: 'receivers' })
const receiverCursors = keyCursors<Receiver>('receivers', ({ id }) => [id])

builder.queryField('receivers', (t) =>
  t.field({
    type: ReceiverConnection,
    description:
      'Returns the receivers of the namespaces in which the viewer has the right, or of one of them, oldest first.',
    access: 'configure',
    example: `
      query Receivers {
        receivers(first: 10) { nodes { id sender url enabled repositories deliveries(first: 1) { nodes { receivedAt } } } }
      }
    `,
    complexity: pageComplexity,
    args: {
      ...namespaceFilterArg('receivers'),
      ...connectionArgs,
    },
    resolve: (_query, { namespace: given, ...args }, { viewer, receivers: { store } }, info) => {
      const namespace = namespaceIn(given)
      return connection(args, info, {
        cursors: receiverCursors,
        rows: (page) => batch(store.page(viewer, namespace, page)),
        totalCount: () => store.count(viewer, namespace),
      })
    },
  }),
)
