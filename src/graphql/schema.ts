import type { GraphQLSchema } from 'graphql'
import { builder } from './builder.ts'
import './scalars.ts'
import './node.ts'
import './key-value.ts'
import './spec.ts'
import './image-stream.ts'
import './stream-search.ts'
import './image-stream-tag.ts'
import './image.ts'
import './image-config.ts'
import './image-stream-image.ts'
import './look-back.ts'
import './image-difference.ts'
import './resolve-image.ts'
import './roll-back.ts'
import './tag-event.ts'
import './image-push.ts'
import './import.ts'
import './changed-platforms.ts'
import './schedule.ts'
import './mutations.ts'
import './apply-image-stream.ts'
import './tag-image.ts'
import './tag-policy.ts'
import './set-tag-policy.ts'
import './registry-credential.ts'
import './import-docker-config.ts'
import './test-registry-credential.ts'
import './webhook.ts'
import './webhook-mutations.ts'
import './test-webhook.ts'
import './registry.ts'
import './repository.ts'
import './registry-hosts.ts'
import './collect-garbage.ts'
import './prune-images.ts'
import './referrers.ts'
import './image-verification.ts'
import './image-stream-trust.ts'

builder.queryType({ description: 'What can be asked.' })
builder.mutationType({ description: 'What can be changed.' })
builder.subscriptionType({
  description: 'What can be followed live, over WebSocket (graphql-ws) or server-sent events.',
})

/** The whole GraphQL API, which `schema.graphql` shows printed. */
export const createSchema = (): GraphQLSchema => builder.toSchema()
