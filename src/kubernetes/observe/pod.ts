import { type Digest, parseDigest } from '../../oci/digest.ts'
import { isObject, type Json, textOf } from '../../oci/json.ts'
import type { KubernetesObject } from '../client/object.ts'

/** A container that a pod runs. */
export interface RunningContainer {
  readonly name: string
  /** As the pod specifies it. */
  readonly image: string
  /** The digest that the pod specifies, and else the one that the node pulled; null where the node reports none. */
  readonly digest: Digest | null
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** The object that made a pod, and that a person changes to change it. */
export interface Owner {
  readonly namespace: string
  readonly kind: string
  readonly name: string
}

/** What a pod runs, and for which object. */
export interface PodFacts {
  readonly owner: Owner
  readonly containers: readonly RunningContainer[]
}

const DEPLOYMENT_CONFIG = 'openshift.io/deployment-config.name'
/** A CronJob names its jobs by the minute of their time. */
const JOB_OF_CRON_JOB = /^(.+)-\d{7,10}$/

/** Returns what a pod runs: nothing before it has started, and after it has ended. */
export function podFacts(pod: KubernetesObject): PodFacts {
  const status = isObject(pod.status) ? pod.status : {}
  const spec = isObject(pod.spec) ? pod.spec : {}
  const images = new Map(
    [...objects(spec.initContainers), ...objects(spec.containers)].map(({ name, image }) => [
      textOf(name),
      textOf(image),
    ]),
  )
  const statuses = [...objects(status.initContainerStatuses), ...objects(status.containerStatuses)]
  return {
    owner: ownerOf(pod),
    containers: statuses.flatMap((one) => {
      const name = textOf(one.name)
      const running = isObject(one.state) && isObject(one.state.running) ? one.state.running : undefined
      const image = images.get(name)
      if (!running || !image) return []
      const digest = digestIn(image) ?? digestIn(textOf(one.imageID))
      return { name, image, digest, startedAt: Date.parse(textOf(running.startedAt)) || 0 }
    }),
  }
}

/** Returns the digest after `@` in a reference, or in the id of an image on a node; null without one. */
export const digestIn = (reference: string): Digest | null =>
  parseDigest(reference.slice(reference.indexOf('@') + 1)) ?? null

/**
 * Returns the object that a person changes. What stands between it and the pod is found by the names that its controllers
 * give: a Deployment appends the hash of its pod template to the names of its ReplicaSets.
 */
function ownerOf({ metadata }: KubernetesObject): Owner {
  const { name: pod, namespace = '', ownerReferences = [], labels = {}, annotations = {} } = metadata
  const controller = ownerReferences.find((reference) => reference.controller === true)
  if (!controller) return { namespace, kind: 'Pod', name: pod }
  const [kind, name] = [textOf(controller.kind), textOf(controller.name)]
  const suffix = `-${labels['pod-template-hash']}`
  if (kind === 'ReplicaSet' && name.endsWith(suffix)) {
    return { namespace, kind: 'Deployment', name: name.slice(0, -suffix.length) }
  }
  const config = annotations[DEPLOYMENT_CONFIG]
  if (kind === 'ReplicationController' && config) return { namespace, kind: 'DeploymentConfig', name: config }
  const [, cronJob] = JOB_OF_CRON_JOB.exec(name) ?? []
  if (kind === 'Job' && cronJob) return { namespace, kind: 'CronJob', name: cronJob }
  return { namespace, kind, name }
}

const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : [])
