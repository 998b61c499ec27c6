import type { RunningImage, WorkloadCondition, WorkloadContainer } from '../../kubernetes/observe/workload.ts'
import { loadById, loadReferred } from '../kit/batch.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImageStreamTagType, ImageStreamType, ImageType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { ClusterType, WorkloadType } from './references.ts'

registerRowNode('Workload', {
  load: (id, { viewer, kubernetes }) => kubernetes.workloads.byId(viewer, id),
  access: 'load',
})

const WorkloadProblemEnum = enumType('WorkloadProblem', {
  description: 'Why a workload does not get the images of its tags.',
  values: {
    ANNOTATION_INVALID:
      'The annotation `image.openshift.io/triggers` is not a list of triggers in JSON; none applies.',
    PAUSED_INVALID: '`paused` is neither true nor false; no trigger of the annotation applies.',
    TRIGGERS_TOO_MANY: 'The object has more than 100 triggers; none applies.',
    PAUSED: 'A trigger is paused: the image of its tag is not set until it is resumed.',
    KEY_UNKNOWN: 'A key of a trigger is unknown, such as `pause`, and has no effect.',
    FIELD_PATH_REPEATED: 'Two triggers have the same field path; no trigger of the annotation applies.',
    FIELD_PATH_OUTSIDE:
      'The field path is not in the pod spec of this kind of object; the trigger is ignored.',
    FIELD_PATH_INVALID: 'The field path does not lead to the image of a container; no trigger applies.',
    CONTAINER_UNKNOWN: 'The object has no such container; no trigger applies.',
    CONTAINER_REPEATED: 'Two triggers set the image of one container; the last applies.',
    SOURCE_INVALID: 'The source of a trigger is not a tag of an image stream; the trigger is ignored.',
    TAG_UNKNOWN: 'The tag does not exist yet, or has no image; the trigger waits.',
    NOT_OPENED: 'The cluster is not opened to the namespace of the tag; the trigger is ignored.',
    IMMUTABLE: 'The images of existing objects of this kind cannot change.',
    BUILD_CONFIG_PAUSED: 'The BuildConfig is paused and starts no builds.',
    CONTESTED:
      'Another field manager has replaced the image three times within an hour. The server no longer sets it until the tag moves or `resumeWorkload` is called.',
    FORBIDDEN: 'This server lacks a permission in the cluster.',
    NOT_FOUND: 'The object, or its kind, does not exist.',
    REFUSED: 'The API server refuses the change.',
    RETRYING: 'The last request failed, and is repeated.',
  },
})

/** What viewers get of a condition that concerns something hidden. */
const HIDDEN = {
  message: 'it concerns an image stream that the viewer does not see',
  remedy: 'request the workload as a server admin',
  fieldPath: null,
} as const

const WorkloadConditionType = objectType<WorkloadCondition>('WorkloadCondition', {
  description: 'A problem of a workload with triggers, while it lasts, with what to do.',
  properties: (t) => ({
    reason: t.one(WorkloadProblemEnum, 'What the problem is.'),
    message: t.string('Explanation for people.'),
    remedy: t.string('What a person can do.'),
    fieldPath: t.stringOrNull(
      'Field path of the trigger, or place of the trigger in the spec; null if the problem is not that of one trigger.',
    ),
  }),
  fields: (t) => ({
    lastTransitionTime: t.expose('since', {
      type: 'DateTime',
      description: 'Time at which the problem began.',
    }),
  }),
})

const RunningImageType = objectType<RunningImage>('RunningImage', {
  description: 'An image that pods of a container run.',
  properties: (t) => ({
    digest: t.digest(
      'Digest of the image: that of the pod’s specification, or else the one that the node reports, which may be of its platform.',
    ),
    podCount: t.int('Number of pods that run the image.'),
  }),
  fields: (t) => ({
    startedAt: t.expose('since', {
      type: 'DateTime',
      description: 'Time at which the first pod with the image started.',
    }),
    laterEntryCount: t.exposeInt('entriesBehind', {
      nullable: true,
      description:
        'Number of later entries in the history of the container’s tag: how far the image is behind, 0 for the image that the tag points to. Null without a tag, and for an image that the newest 1000 entries do not have.',
    }),
    behindSeconds: t.int({
      nullable: true,
      description:
        'Number of seconds between the image’s entry in the history of the tag and the newest; null like `laterEntryCount`.',
      resolve: ({ timeBehind }) => (timeBehind === null ? null : Math.round(timeBehind / 1000)),
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image; null if it is not stored here, or the viewer does not see it.',
      resolve: ({ digest }, _args, { viewer, images }) => images.byDigest(viewer, digest) ?? null,
    }),
  }),
})

const WorkloadContainerType = objectType<WorkloadContainer>('WorkloadContainer', {
  description: 'A container of a workload; of a BuildConfig, the image that its builds start from.',
  properties: (t) => ({
    name: t.string('Name of the container.'),
    isFollowing: t.boolean('Whether a trigger of the object sets the image to the one of the tag.'),
    isBehind: t.boolean('Whether pods run another image than the one that the tag points to.'),
    running: t.list(
      RunningImageType,
      'Images that the pods run, by the start of their first pod; several during a rollout, at most one for each pod. Empty without pods.',
    ),
  }),
  fields: (t) => ({
    specifiedImage: t.exposeString('image', { description: 'The image as the object specifies it.' }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description:
        'Image stream of the image: the one that a trigger names, and else the one with the repository or the digest. Null if there is none.',
      resolve: ({ streamNamespace, streamName }, _args, { viewer, streams }) =>
        streamNamespace === null || streamName === null
          ? null
          : streams.byName(viewer, streamNamespace, streamName),
    }),
    tag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'Tag of the image stream; null if none is known, or it does not exist.',
      resolve: ({ streamNamespace, streamName, tag }, _args, { viewer, streams, tags }) => {
        if (streamNamespace === null || streamName === null || tag === null) return null
        const stream = streams.byName(viewer, streamNamespace, streamName)
        return stream ? (tags.named([stream.id], tag)[0] ?? null) : null
      },
    }),
    tagName: t.exposeString('tag', {
      nullable: true,
      description: 'Name of the tag, which may not exist yet; null if none is known.',
    }),
  }),
})

objectType(WorkloadType, {
  description:
    'An object of a cluster that runs images of image streams, or has triggers on them. Viewers see workloads with containers of image streams that they may view.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace in the cluster.'),
    kind: t.string(
      'Kind of the object: `Deployment`, `StatefulSet`, `DaemonSet`, `CronJob`, `ReplicaSet`, `Pod`, `DeploymentConfig`, `BuildConfig`, or another that runs pods.',
    ),
    name: t.string('Name of the object.'),
    createdAt: t.dateTime('Time at which the server first observed the object.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the workload.',
      resolve: ({ id }) => nodeId('Workload', id),
    }),
    cluster: t.field({
      type: ClusterType,
      nullable: true,
      description: 'The cluster; null if it is not opened to a namespace of the viewer.',
      resolve: (workload, _args, { viewer, kubernetes }) =>
        loadReferred(workload, 'cluster', 'clusterId', (ids) => kubernetes.clusters.byIds(viewer, ids)),
    }),
    hasTriggers: t.boolean({
      description: 'Whether the object has triggers: the server keeps its images at those of their tags.',
      resolve: ({ version }) => version !== null,
    }),
    conditions: t.field({
      type: [WorkloadConditionType],
      description:
        'What prevents images from being set: at most a few for each trigger, of which an object has at most 100. What concerns image streams that the viewer does not see has a general message. Empty if the workload has the images of its tags, and without triggers.',
      resolve: (workload, _args, { viewer, kubernetes }) => {
        const { conditions } = workload
        const isPartlyHidden =
          conditions.length > 0 &&
          loadById(workload, 'hidden', (ids) => kubernetes.workloads.withHidden(viewer, ids)) === true
        return conditions.map((one) => {
          const { streamNamespace } = one
          const isHidden =
            streamNamespace !== undefined && !viewer.rights.mayInPartOf('view', streamNamespace)
          return isPartlyHidden || isHidden ? { ...one, ...HIDDEN } : one
        })
      },
    }),
    isContested: t.boolean({
      description:
        'Whether another field manager has replaced an image three times within an hour, so that the server no longer sets it.',
      resolve: ({ conditions }) => conditions.some(({ reason }) => reason === 'CONTESTED'),
    }),
    containers: t.field({
      type: [WorkloadContainerType],
      complexity: 10,
      description:
        'Containers with images of image streams that the viewer may view, by name; a pod has about a hundred at most.',
      resolve: (workload, _args, { viewer, kubernetes }) =>
        loadById(workload, 'containers', (ids) => kubernetes.workloads.containersOf(viewer, ids)) ?? [],
    }),
  }),
})
