import { type KeyValue, readKeyValues, writeKeyValues } from '../../input/key-values.ts'

/** RFC 3339 time of the last finished import, or the error of a failed one. */
export const REPOSITORY_CHECK = 'openshift.io/image.dockerRepositoryCheck'
/** OpenShift's annotation for `spec.importPolicy.insecure`. */
export const INSECURE_REPOSITORY = 'openshift.io/image.insecureRepository'

const SET_BY_SERVER: readonly string[] = [REPOSITORY_CHECK, INSECURE_REPOSITORY]

/** Returns annotations as JSON text for their column, without those that the server sets. Throws InvalidInputError. */
export const writeAnnotations = (annotations: readonly KeyValue[]): string =>
  // filtered after the check, so that the field of an error is the client's own index
  JSON.stringify(
    readKeyValues(writeKeyValues(annotations, 'annotations')).filter(
      ({ key }) => !SET_BY_SERVER.includes(key),
    ),
  )
