/** The deliveries of one namespace to one host: they wait for each other, and not for those of others. */
export type DeliveryLane = string

/** Returns the lane of the deliveries of a trigger. */
export const laneOf = ({
  namespace,
  host,
}: {
  readonly namespace: string
  readonly host: string
}): DeliveryLane => `${namespace} ${host}`

/** Returns what a lane was made of. */
export function partsOf(lane: DeliveryLane): { readonly namespace: string; readonly host: string } {
  const end = lane.indexOf(' ')
  return { namespace: lane.slice(0, end), host: lane.slice(end + 1) }
}
