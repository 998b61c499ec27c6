import { aliyun } from './aliyun/webhook.ts'
import { ecr } from './amazon/webhook.ts'
import { azureEventGrid } from './azure/event-grid.ts'
import { azure } from './azure/webhook.ts'
import type { KeySource } from './delivery/public-keys.ts'
import type { Sender, SenderKind } from './delivery/sender.ts'
import { distribution } from './distribution/webhook.ts'
import { dockerHub } from './docker-hub/webhook.ts'
import { createGeneric } from './generic/webhook.ts'
import { github } from './github/webhook.ts'
import { gitlab } from './gitlab/webhook.ts'
import { createGoogle } from './google/webhook.ts'
import { harbor } from './harbor/webhook.ts'
import { jfrog } from './jfrog/webhook.ts'
import { nexus } from './nexus/webhook.ts'
import { quay } from './quay/webhook.ts'
import { zot } from './zot/webhook.ts'

export type Senders = Readonly<Record<SenderKind, Sender>>

/** Creates the senders of all kinds. */
export const createSenders = (dependencies: KeySource): Senders => ({
  DISTRIBUTION: distribution,
  GITLAB: gitlab,
  DOCKER_HUB: dockerHub,
  QUAY: quay,
  GITHUB: github,
  HARBOR: harbor,
  AZURE: azure,
  AZURE_EVENT_GRID: azureEventGrid,
  ECR: ecr,
  GOOGLE: createGoogle(dependencies),
  JFROG: jfrog,
  NEXUS: nexus,
  ZOT: zot,
  ALIYUN: aliyun,
  GENERIC: createGeneric(dependencies),
})
