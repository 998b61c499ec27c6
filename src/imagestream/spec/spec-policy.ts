import { InvalidInputError } from '../../input/errors.ts'
import type { KeyValue } from '../../input/key-values.ts'
import { checkPolicy } from '../../policy/check-policy.ts'
import { type TagPolicyInput, writePolicy } from '../../policy/policy.ts'
import type { SpecTag, SpecTagInput } from './spec.ts'

export { POLICY_ORDERS } from '../../policy/policy.ts'

/** Whether a rule chooses among the tags of the spec tag's own stream. */
export const choosesOfStream = ({ policy, fromKind }: Pick<SpecTag, 'policy' | 'fromKind'>): boolean =>
  policy !== null && fromKind === null

/** A rule as it is stored. Throws InvalidInputError of `<field>.range` and so on. */
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

/** Throws InvalidInputError where there is nothing for a rule to choose from. */
export function checkPolicySource(
  { from, reference }: Pick<SpecTagInput, 'from' | 'reference'>,
  field: string,
): void {
  if (from && from.kind !== 'DockerImage') {
    throw new InvalidInputError(
      `${field}.from.kind`,
      `a policy chooses among the tags of a repository (from.kind DockerImage) or, without "from", of its own stream; ${from.kind} ${from.name} is one image`,
    )
  }
  if (reference) {
    throw new InvalidInputError(
      `${field}.reference`,
      'reference: true passes "from" on as it is, and a policy chooses what to import of it: give one',
    )
  }
}

/** The annotation that carries a spec tag's policy in OpenShift's documents, and stands nowhere else. */
export const POLICY_ANNOTATION = 'imagestreams/policy'

/** A spec tag's annotations as they are. Throws InvalidInputError where one is the policy, which has its own field. */
export function withoutPolicy(annotations: readonly KeyValue[], field: string): readonly KeyValue[] {
  const at = annotations.findIndex(({ key }) => key === POLICY_ANNOTATION)
  if (at < 0) return annotations
  throw new InvalidInputError(
    `${field}.annotations.${at}.key`,
    `"${POLICY_ANNOTATION}" is how OpenShift's documents carry the policy: here it is the field "policy"`,
  )
}
