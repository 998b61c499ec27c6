import { aliyun } from './aliyun.ts'
import { azure } from './azure.ts'
import { azureEventGrid } from './azure-event-grid.ts'
import { distribution, gitlab } from './distribution.ts'
import { dockerHub } from './docker-hub.ts'
import { ecr } from './ecr.ts'
import { createGeneric } from './generic.ts'
import { github } from './github.ts'
import { createGoogle } from './google.ts'
import { harbor } from './harbor.ts'
import { jfrog } from './jfrog.ts'
import { nexus } from './nexus.ts'
import type { KeySource } from './public-keys.ts'
import { quay } from './quay.ts'
import type { Sender, SenderKind } from './sender.ts'
import { zot } from './zot.ts'

export type Senders = Readonly<Record<SenderKind, Sender>>

/** Every sender that is known. */
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
