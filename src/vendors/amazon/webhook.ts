import { isObject, textOf } from '../../oci/json.ts'
import { at, jsonOfBody, orNull, quoted } from '../delivery/body.ts'
import { type CloudEvent, idOfEvents, readCloudEvents } from '../delivery/cloud-event.ts'
import { type Delivery, InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf, type HintCollector } from '../delivery/hints.ts'
import { inAuthorization } from '../delivery/scheme.ts'
import type { SampleImage, SenderDefinition } from '../delivery/sender.ts'

/** An event; its `action` is `PUSH`, `DELETE`, `REPLICATE`, or the type of another event. */
type EcrEvent = ReturnType<typeof ofEventBridge>

const actionOf = actionsOf({ PUSH: 'push', REPLICATE: 'push', DELETE: 'delete' })

/** Amazon ECR through EventBridge, also transformed to a CloudEvent. Amazon delivers events as best effort. */
export const ecr: SenderDefinition = {
  title: 'Amazon ECR',
  description: 'Amazon ECR, through Amazon EventBridge and an API destination.',
  scheme: inAuthorization('imagestreams'),

  read(delivery, hints) {
    const events = readCloudEvents(delivery)?.map(ofCloudEvent) ?? [ofEventBridge(delivery)]
    for (const event of events) readEvent(event, hints)
    return events.map(({ id }) => id).join(' ')
  },

  setUp: ({ url, secret }) => [
    `aws events create-connection --name imagestreams --authorization-type BASIC --auth-parameters '{"BasicAuthParameters":{"Username":"imagestreams","Password":"${secret}"}}'`,
    `aws events create-api-destination --name imagestreams --connection-arn <ARN of the connection> --http-method POST --invocation-endpoint ${url}`,
    `aws events put-rule --name imagestreams --event-pattern '{"source":["aws.ecr"],"detail-type":["ECR Image Action","ECR Replication Action"]}'`,
    'aws events put-targets --rule imagestreams --targets Id=imagestreams,Arn=<ARN of the destination>,RoleArn=<a role that may events:InvokeApiDestination>',
    'Repeat this in each region. The URL must be https.',
  ],

  sample: sampleOf,
}

function readEvent(event: EcrEvent, hints: HintCollector): void {
  const action = actionOf(event.action)
  const tag = orNull(event.tag)
  if (!event.isSuccess) hints.ignore(`${quoted(event.action)} that failed`)
  else if (!action) hints.ignore(`event ${quoted(event.action)}`)
  else if (action === 'push' && tag === null) hints.ignore('push by digest')
  else {
    hints.add({ registry: hostOf(event), repository: event.repository, tag, digest: event.digest, action })
  }
}

function ofCloudEvent(event: CloudEvent): EcrEvent {
  const [, region, account] = /^(?:urn|arn):aws[a-z-]*:ecr:([^:]*):([^:]*)/.exec(event.source) ?? []
  return {
    id: idOfEvents([event]),
    account: account ?? at(event.data, 'registryId'),
    region,
    repository: at(event.data, 'repositoryName'),
    tag: at(event.data, 'imageTag'),
    digest: at(event.data, 'imageDigest'),
    action: /\.image\.(\w+)$/.exec(event.type)?.[1]?.toUpperCase() ?? event.type,
    isSuccess: true,
  }
}

function ofEventBridge(delivery: Delivery) {
  const json = jsonOfBody(delivery.body)
  const detail = at(json, 'detail')
  if (at(json, 'source') !== 'aws.ecr' || !isObject(detail)) {
    throw new InvalidDeliveryError('the body is not an EventBridge event of aws.ecr with a "detail"')
  }
  const action = textOf(at(detail, 'action-type')) || textOf(at(json, 'detail-type'))
  return {
    id: textOf(at(json, 'id')),
    account: at(json, 'account'),
    region: at(json, 'region'),
    repository: at(detail, 'repository-name'),
    tag: at(detail, 'image-tag'),
    digest: at(detail, 'image-digest'),
    action,
    isSuccess: at(detail, 'result') === 'SUCCESS' || !actionOf(action),
  }
}

/** Domains of partitions other than amazonaws.com, by the first part of their regions. */
const DOMAINS: readonly (readonly [region: string, domain: string])[] = [
  ['cn-', 'amazonaws.com.cn'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['eusc-', 'amazonaws.eu'],
]

/** Returns the registry of an account in a region. Throws InvalidDeliveryError. */
function hostOf({ account, region }: EcrEvent): string {
  if (typeof account !== 'string' || !/^\d{12}$/.test(account)) {
    throw new InvalidDeliveryError('the account does not have 12 digits')
  }
  if (typeof region !== 'string' || !/^[a-z]{2,5}(?:-[a-z]+){1,3}-\d{1,2}$/.test(region)) {
    throw new InvalidDeliveryError('the region is not an AWS region')
  }
  const domain = DOMAINS.find(([start]) => region.startsWith(start))?.[1] ?? 'amazonaws.com'
  return `${account}.dkr.ecr.${region}.${domain}`
}

/** Returns a sample event. For another registry than Amazon's, the account and the region are fixed ones. */
function sampleOf({ registry, repository, tag, digest }: SampleImage): object {
  const [, account = '123456789012', region = 'us-east-1'] =
    /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\./.exec(registry) ?? []
  return {
    version: '0',
    id: 'sample',
    'detail-type': 'ECR Image Action',
    source: 'aws.ecr',
    account,
    time: '2026-01-01T00:00:00Z',
    region,
    resources: [],
    detail: {
      result: 'SUCCESS',
      'repository-name': repository,
      'image-digest': digest,
      'action-type': 'PUSH',
      'image-tag': tag,
    },
  }
}
