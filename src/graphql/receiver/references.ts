import type { LoggedDelivery, LoggedHint, LoggedTarget } from '../../receivers/delivery-history.ts'
import type { Receiver } from '../../receivers/receiver.ts'
import { builder } from '../kit/builder.ts'
import type { NodeAccess } from '../kit/node.ts'

// References to the object types, for fields of any file; the file of each type implements it.

export const ReceiverType = builder.objectRef<Receiver>('Receiver')
export const ReceiverDeliveryType = builder.objectRef<LoggedDelivery>('ReceiverDelivery')
export const ReceiverHintType = builder.objectRef<LoggedHint>('ReceiverHint')
export const ReceiverTargetType = builder.objectRef<LoggedTarget>('ReceiverTarget')

/** Access to a part of a receiver. */
export const PART_OF_RECEIVER = {
  right: 'configure',
  namespaceOf: ({ receiverId }, { receivers }) =>
    receivers.store.byIds([receiverId]).get(receiverId)?.namespace,
} satisfies NodeAccess<{ readonly receiverId: number }>
