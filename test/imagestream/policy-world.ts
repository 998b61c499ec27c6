import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import { createPolicyChoices, type PolicyChoices } from '../../src/imagestream/tag/policy-choice.ts'
import type { Decision } from '../../src/policy/decide.ts'
import type { TagPolicyInput } from '../../src/policy/policy.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { FollowWorld, namesOf } from './follow-world.ts'

/** A spec tag with a policy over the tags of its own stream. */
export const ruled = (
  name: string,
  policy: TagPolicyInput,
  more: Partial<SpecTagInput> = {},
): SpecTagInput => ({ name, policy, reference: false, ...more })

/** A domain whose tags have policies. */
export class PolicyWorld extends FollowWorld {
  readonly choices: PolicyChoices = createPolicyChoices(this.db)

  decision(at: string, shown = 100): Decision | undefined {
    const { namespace, name, tag } = namesOf(at)
    const stream = this.streams.byName(SYSTEM, namespace, name)
    return stream && this.policies.decisionOf(stream.id, tagName(tag), shown)
  }

  /** The stored choice of the tag's policy; undefined without one. */
  stored(at: string): string | null | undefined {
    const { namespace, name, tag } = namesOf(at)
    return this.db
      .prepare<{ chosen: string | null }>(
        `select c.chosen from policy_choices c join image_streams s on s.id = c.stream_id
         where s.namespace = ? and s.name = ? and c.tag = ?`,
      )
      .get(namespace, name, tag)?.chosen
  }
}
