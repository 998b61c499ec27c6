import type { SpecTagContent, SpecTagInput } from '../imagestream/spec/spec.ts'
import { POLICY_ANNOTATION, POLICY_ORDERS, policyText } from '../imagestream/spec/spec-policy.ts'
import type { KeyValue } from '../input/key-values.ts'
import { parseJson } from '../oci/json.ts'
import { Fields } from './fields.ts'

type TagPolicyInput = NonNullable<SpecTagInput['policy']>

/** Returns a spec tag's annotations with its policy, which OpenShift documents have no field for. */
export const withPolicy = (
  annotations: readonly KeyValue[],
  { policy }: SpecTagContent,
): readonly KeyValue[] =>
  policy === null ? annotations : [...annotations, { key: POLICY_ANNOTATION, value: policy }]

/** Separates the policy from a spec tag's annotations. Throws InvalidInputError. */
export function splitPolicy(
  tag: Fields,
  annotations: readonly KeyValue[],
): { readonly annotations: readonly KeyValue[]; readonly policy: TagPolicyInput | null } {
  const policy = annotations.find(({ key }) => key === POLICY_ANNOTATION)
  return {
    annotations: annotations.filter((one) => one !== policy),
    policy: policy ? parsePolicy(tag, policy.value) : null,
  }
}

function parsePolicy({ path, report }: Fields, text: string): TagPolicyInput {
  const place = [...path, 'annotations', POLICY_ANNOTATION]
  const json = parseJson(text)
  if (json === undefined) report.fail(place, 'is not JSON')
  const fields = new Fields(json, place, report)
  const filter = fields.object('filter')
  const policy: TagPolicyInput = {
    order:
      fields.choice('order', POLICY_ORDERS) ??
      fields.fail('order', `is missing: it must be ${POLICY_ORDERS.join(' or ')}`),
    range: fields.string('range'),
    includePrereleases: fields.flag('includePrereleases'),
    lowest: fields.flag('lowest'),
    artifacts: fields.flag('artifacts'),
    filter: filter && { pattern: filter.required('pattern'), extract: filter.string('extract') },
  }
  fields.warnUnread()
  report.checked(
    () => policyText(policy, 'policy'),
    (field) => [...place, ...field.split('.').slice(1)],
  )
  return policy
}
