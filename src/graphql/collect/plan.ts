import type { GraphQLResolveInfo } from 'graphql'
import type { ReportedList } from '../../collect/kept/one-pass.ts'
import { type Connection, type ConnectionArguments, type Cursors, connection } from '../kit/connection.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

/** Complexity of a plan, which may read all histories or all content: at most three fit into one operation. */
export const PLAN_COMPLEXITY = MUTATION_COMPLEXITY.plan

const plans = new WeakMap<GraphQLContext, Map<string, object>>()

/** Returns the operation's plan of this key, which is made once: fields with equal arguments read one plan. */
export function planOfOperation<Plan extends object>(
  context: GraphQLContext,
  key: string,
  create: () => Plan,
): Plan {
  const ofOperation = plans.get(context) ?? new Map<string, object>()
  plans.set(context, ofOperation)
  const plan = ofOperation.get(key) ?? create()
  ofOperation.set(key, plan)
  return plan as Plan
}

/** Returns the resolver of a list of a plan. */
export const listOfPlan =
  <Plan, Item>(cursors: Cursors<Item>, listOf: (plan: Plan) => ReportedList<Item>) =>
  (plan: Plan, args: ConnectionArguments, _context: object, info: GraphQLResolveInfo): Connection<Item> => {
    const list = listOf(plan)
    return connection(args, info, {
      cursors,
      rows: (page) => list.page(page),
      totalCount: () => list.count(),
    })
  }

/** Returns the counts as a list, in the order of the reasons. */
export const countsByReason = <Reason extends string>(
  counts: Readonly<Record<Reason, number>>,
): readonly { readonly reason: Reason; readonly count: number }[] =>
  Object.entries<number>(counts).map(([reason, count]) => ({ reason: reason as Reason, count }))
