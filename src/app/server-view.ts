import type { ServerFeature, ServerView, SignInMode } from '../graphql/kit/context.ts'
import {
  MAX_ALIASES,
  MAX_BODY_BYTES,
  MAX_DEPTH,
  MAX_DOCUMENT_LENGTH,
  MAX_MESSAGE_BYTES,
  MAX_OPERATIONS_PER_SOCKET,
} from '../http/request/limits.ts'
import type { Config } from './config.ts'

/** Returns what clients may know about this server. `startedAt` in milliseconds since 1970. */
export function createServerView(config: Config, version: string, startedAt: number): ServerView {
  const isOn: Readonly<Record<ServerFeature, boolean>> = {
    INTEGRATED_REGISTRY: config.externalRegistry === null,
    EXTERNAL_REGISTRY: config.externalRegistry !== null,
    REMOTE_ACCESS: config.openToEverybody,
    SCHEDULED_PRUNING: config.pruneHours !== null,
    SCHEDULED_GARBAGE_COLLECTION: config.collectHours !== null,
    DEFAULT_CREDENTIALS: config.dockerConfig !== null,
  }
  return {
    version,
    startedAt,
    signIn: signInModeOf(config),
    features: (Object.keys(isOn) as ServerFeature[]).filter((feature) => isOn[feature]),
    logRetentionDays: config.changeLogDays,
    limits: {
      depth: MAX_DEPTH,
      aliases: MAX_ALIASES,
      documentLength: MAX_DOCUMENT_LENGTH,
      bodySize: MAX_BODY_BYTES,
      messageSize: MAX_MESSAGE_BYTES,
      socketOperations: MAX_OPERATIONS_PER_SOCKET,
    },
  }
}

const signInModeOf = ({ signIn }: Config): SignInMode => {
  if (signIn === null) return 'OPEN'
  return signIn === 'oidc' ? 'PROVIDER' : 'TOKENS'
}
