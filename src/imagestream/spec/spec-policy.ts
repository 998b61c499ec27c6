import { InvalidInputError } from '../../input/errors.ts'
import type { KeyValue } from '../../input/key-values.ts'
import { checkPolicy } from '../../policy/check-policy.ts'
import { type TagPolicyInput, writePolicy } from '../../policy/policy.ts'
import type { SpecTag, SpecTagInput } from './spec.ts'

export { POLICY_ORDERS } from '../../policy/policy.ts'

/** Reports whether a policy chooses among the tags of the spec tag's own stream. */
export const choosesOfStream = ({ policy, fromKind }: Pick<SpecTag, 'policy' | 'fromKind'>): boolean =>
  policy !== null && fromKind === null

/** Returns a policy as JSON text for its column. Throws InvalidInputError for `<field>.range` and so on. */
export function policyText(policy: TagPolicyInput, field: string): string {
  try {
    return writePolicy(checkPolicy(policy))
  } catch (error) {
    if (error instanceof InvalidInputError) {
      const place = error.field === '' ? field : `${field}.${error.field}`
      throw new InvalidInputError(place, error.message, { cause: error })
    }
    throw error
  }
}

/** Throws InvalidInputError for a spec tag whose source has no tags that a policy could choose from. */
export function checkPolicySource(
  { from, reference }: Pick<SpecTagInput, 'from' | 'reference'>,
  field: string,
): void {
  if (from && from.kind !== 'DockerImage') {
    throw new InvalidInputError(
      `${field}.from.kind`,
      `a policy chooses among the tags of a repository of a registry or, without "from", of its own stream; ${from.name} is one tag or image of an image stream`,
    )
  }
  if (reference) {
    throw new InvalidInputError(
      `${field}.reference`,
      'give either reference: true, which passes "from" on as it is, or a policy, which chooses a tag to import',
    )
  }
}

/** The annotation for a spec tag's policy, which only OpenShift documents have. */
export const POLICY_ANNOTATION = 'imagestreams/policy'

/** Returns the annotations. Throws InvalidInputError where one is the policy, which has its own field. */
export function withoutPolicy(annotations: readonly KeyValue[], field: string): readonly KeyValue[] {
  const at = annotations.findIndex(({ key }) => key === POLICY_ANNOTATION)
  if (at < 0) return annotations
  throw new InvalidInputError(
    `${field}.annotations.${at}.key`,
    `"${POLICY_ANNOTATION}" is allowed only in OpenShift documents: use the field "policy"`,
  )
}
