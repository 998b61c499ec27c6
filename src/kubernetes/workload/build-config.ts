import { isObject, type Json, textOf } from '../../oci/json.ts'
import { condition, type TriggerCondition } from './condition.ts'
import { objectsIn, valueAt } from './containers.ts'
import {
  type ImageTrigger,
  type ImageTriggers,
  type ResolveTag,
  type SourceTag,
  sourceOf,
  sourceText,
} from './image-trigger.ts'
import { MAX_TRIGGERS, sourceInvalid, tagUnknown, tooManyTriggers } from './problems.ts'

/** A request to start a build, as an API server of OpenShift accepts it. */
export interface BuildRequest {
  readonly apiVersion: 'build.openshift.io/v1'
  readonly kind: 'BuildRequest'
  readonly metadata: { readonly name: string; readonly namespace: string }
  /** The first tag that changed, as the BuildConfig names it; left out for a build that its triggers do not demand. */
  readonly from?: Json
  readonly triggeredByImage?: { readonly kind: 'DockerImage'; readonly name: string }
  /** One cause for each tag that changed. */
  readonly triggeredBy: readonly {
    readonly message: 'Image change'
    readonly imageChangeBuild: { readonly imageID: string; readonly fromRef: Json }
  }[]
}

/** What a BuildConfig is to start. */
interface DesiredBuild {
  /** Undefined if all images were built already. */
  readonly request?: BuildRequest
  readonly conditions: readonly TriggerCondition[]
}

interface BuildTrigger extends ImageTrigger {
  /** As the BuildConfig names it. */
  readonly from: Json
  /** Image of the last build; empty for none. */
  readonly last: string
}

interface BuildTriggers extends ImageTriggers {
  readonly triggers: readonly BuildTrigger[]
}

/** Annotation that stops a BuildConfig. */
const PAUSED = 'openshift.io/build-config.paused'

/**
 * Returns the build that the image change triggers of a BuildConfig demand: one for all tags whose image differs from that of
 * the last build. A tag that several triggers name is one cause. Source: openshift-controller-manager pkg/image/trigger/buildconfigs.
 */
export function desiredBuild(object: Json, resolve: ResolveTag): DesiredBuild {
  const { triggers, conditions: invalid } = buildTriggers(object)
  const conditions = [...invalid]
  const changed = new Map<string, { readonly from: Json; readonly image: string }>()
  for (const { source, from, last, fieldPath, isPaused } of triggers) {
    if (isPaused) continue
    const image = resolve(source)
    if (image === undefined) conditions.push(tagUnknown(source, fieldPath))
    else if (image !== last && !changed.has(sourceText(source)))
      changed.set(sourceText(source), { from, image })
  }
  const causes = [...changed.values()]
  const [first] = causes
  if (!first) return { conditions }
  if (isPaused(object)) return { conditions: [...conditions, PAUSED_CONDITION] }
  const metadata = {
    name: textOf(valueAt(object, 'metadata.name')),
    namespace: textOf(valueAt(object, 'metadata.namespace')),
  }
  return {
    request: {
      apiVersion: 'build.openshift.io/v1',
      kind: 'BuildRequest',
      metadata,
      from: first.from,
      triggeredByImage: { kind: 'DockerImage', name: first.image },
      triggeredBy: causes.map(({ from, image }) => ({
        message: 'Image change',
        imageChangeBuild: { imageID: image, fromRef: from },
      })),
    },
    conditions,
  }
}

const PAUSED_CONDITION = condition('BUILD_CONFIG_PAUSED', 'the BuildConfig is paused and starts no builds', {
  remedy: `remove the annotation ${PAUSED}: the build starts then`,
})

const isPaused = ({ metadata }: Json): boolean =>
  isObject(metadata) &&
  isObject(metadata.annotations) &&
  textOf(metadata.annotations[PAUSED]).toLowerCase() === 'true'

/** Returns the image change triggers of a BuildConfig. */
export function buildTriggers(object: Json): BuildTriggers {
  const namespace = textOf(valueAt(object, 'metadata.namespace'))
  const all = objectsIn(valueAt(object, 'spec.triggers'))
  if (all.length > MAX_TRIGGERS) return { triggers: [], conditions: [tooManyTriggers(all.length)] }
  const triggers: BuildTrigger[] = []
  const conditions: TriggerCondition[] = []
  for (const [at, { imageChange }] of all.entries()) {
    if (!isObject(imageChange)) continue
    const fieldPath = `spec.triggers[${at}].imageChange`
    const from = imageChange.from ?? strategyFrom(object)
    const source = sourceOf(from, namespace)
    if (!source || !isObject(from)) conditions.push(sourceInvalid(from, fieldPath))
    else {
      const last = lastImage(object, imageChange, source)
      triggers.push({ source, from, fieldPath, isPaused: imageChange.paused === true, last })
    }
  }
  return { triggers, conditions }
}

/**
 * Since OpenShift 4.8 the status has the image of the last build; what the spec has is as old as the upgrade, and would hide
 * a rollback to that image.
 */
function lastImage(object: Json, imageChange: Json, source: SourceTag): string {
  const namespace = textOf(valueAt(object, 'metadata.namespace'))
  const known = objectsIn(valueAt(object, 'status.imageChangeTriggers')).find(
    ({ from }) =>
      isObject(from) &&
      from.name === source.name &&
      (textOf(from.namespace) || namespace) === source.namespace,
  )
  return textOf(known?.lastTriggeredImageID) || textOf(imageChange.lastTriggeredImageID)
}

/** Returns the image that the strategy builds on. */
function strategyFrom(object: Json): unknown {
  const strategy = valueAt(object, 'spec.strategy')
  const used = ['sourceStrategy', 'dockerStrategy', 'customStrategy'].find((one) =>
    isObject(valueAt(strategy, one)),
  )
  return used && valueAt(strategy, `${used}.from`)
}
