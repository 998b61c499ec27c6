import { changeKeyValues, type KeyValue, type KeyValueChange, readKeyValues } from '../../input/key-values.ts'

/** RFC 3339 time of the last finished import, or the error of a failed one. */
export const REPOSITORY_CHECK = 'openshift.io/image.dockerRepositoryCheck'
/** OpenShift's annotation for `spec.importPolicy.insecure`. */
export const INSECURE_REPOSITORY = 'openshift.io/image.insecureRepository'

/** Conditions of the stream in its document, as JSON: OpenShift's `status` has no field for them. */
export const STREAM_CONDITIONS = 'imagestreams/conditions'

const SET_BY_SERVER: readonly string[] = [REPOSITORY_CHECK, INSECURE_REPOSITORY, STREAM_CONDITIONS]

/** Reports whether the server sets the annotation, so that a client's value for it is ignored. */
export const isSetByServer = ({ key }: Pick<KeyValue, 'key'>): boolean => SET_BY_SERVER.includes(key)

/** Returns annotations as JSON text for their column, without those that the server sets. Throws InvalidInputError. */
export const writeAnnotations = (annotations: readonly KeyValue[]): string =>
  changeAnnotations('[]', { all: annotations })

/** Returns the text of the column after the change, without annotations that the server sets. Throws InvalidInputError. */
export const changeAnnotations = (text: string, change: KeyValueChange): string =>
  // filtered after the check, so that the field of an error is the client's own index
  JSON.stringify(
    readKeyValues(changeKeyValues(text, change, 'Annotations')).filter((one) => !isSetByServer(one)),
  )
