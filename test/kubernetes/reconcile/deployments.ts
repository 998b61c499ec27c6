import type { Manifest } from '../../fixtures/kubernetes/manifest.ts'
import { objectsOf, valueAt, withValueAt } from '../../fixtures/kubernetes/manifest.ts'
import type { KubernetesWorld } from '../kubernetes-world.ts'

const POD_SPECS: Readonly<Record<string, string>> = {
  Pod: 'spec',
  CronJob: 'spec.jobTemplate.spec.template.spec',
}
const podSpecOf = (kind: string): string => POD_SPECS[kind] ?? 'spec.template.spec'

/** Returns the annotation with which a container follows a tag. */
export const triggers = (tag: string, kind = 'Deployment', container = 'web', namespace?: string) => ({
  'image.openshift.io/triggers': JSON.stringify([
    {
      from: { kind: 'ImageStreamTag', name: tag, ...(namespace && { namespace }) },
      fieldPath: `${podSpecOf(kind)}.containers[?(@.name=="${container}")].image`,
    },
  ]),
})

const containersOf = (object: Manifest) =>
  objectsOf(valueAt(object, `${podSpecOf(String(object.kind))}.containers`))

/** Returns the image of a container of the object `web`. */
export const imageOf = (
  { kubernetes }: Pick<KubernetesWorld, 'kubernetes'>,
  kind: string,
  container = 'web',
  name = 'web',
): unknown => containersOf(kubernetes.read(kind, name)).find((one) => one.name === container)?.image

/** Sets the image of the Deployment `web` as another field manager does. */
export const setImageAs = (
  { kubernetes }: Pick<KubernetesWorld, 'kubernetes'>,
  manager: string,
  image: string,
): void => {
  const set = (object: Manifest) => {
    const containers = containersOf(object).map((one) => (one.name === 'web' ? { ...one, image } : one))
    return withValueAt(object, 'spec.template.spec.containers', containers)
  }
  kubernetes.change('Deployment', 'web', set, { manager })
}
