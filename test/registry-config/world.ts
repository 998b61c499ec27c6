import { SYSTEM } from '../../src/access/right/viewer.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import type { ConfigurationInput } from '../../src/registry-config/configuration-input.ts'
import type { ReceiverChange } from '../../src/registry-config/receivers.ts'
import {
  createRegistryConfigurations,
  type RegistryConfigurations,
} from '../../src/registry-config/registry-configurations.ts'
import type { ConfiguredRules } from '../../src/registry-config/rules.ts'
import type { RepositoryLocation, RepositoryPlan } from '../../src/remote/location/registry-rules.ts'
import type { Sealer } from '../../src/secrets/sealer.ts'
import { createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys } from '../../src/secrets/sealing-key.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'

export const START = Date.now()
export const sealerOf = (...keys: string[]) => createSealer(parseSealingKeys(keys.join('\n'), 'the test'))

/** Registry configurations over a real database. */
export class World implements Disposable {
  readonly db: Database = openDatabase(':memory:')
  readonly key = newSealingKey()
  readonly store: RegistryConfigurations
  /** Changes after which other servers might receive logins. */
  readonly unbound: ReceiverChange[] = []
  readonly admin = SYSTEM
  time = START
  changes = 0

  constructor({ own = [] }: { own?: readonly string[] } = {}) {
    this.store = this.storeWith(sealerOf(this.key), own)
  }

  storeWith(sealer: Sealer, own: readonly string[] = []): RegistryConfigurations {
    const configurations = createRegistryConfigurations({
      audit: NO_AUDIT,
      db: this.db,
      sealer,
      now: () => this.time,
      own,
      unbind: (_tx, change) => this.unbound.push(change),
    })
    configurations.onChanged(() => void this.changes++)
    return configurations
  }

  get rules(): ConfiguredRules {
    return this.store.rules()
  }

  set(prefix: string, input: ConfigurationInput = {}) {
    return this.store.configure(SYSTEM, { prefix, ...input }).registryConfiguration
  }

  /** Returns the locations of `registry/repository`, in order. */
  locations(name: string): RepositoryLocation[] {
    const plan = this.plan(name)
    return 'locations' in plan ? [...plan.locations] : []
  }

  /** Returns the rule that blocks it; null when it is allowed. */
  blockOf(name: string): string | null {
    const plan = this.plan(name)
    return 'blockedBy' in plan ? plan.blockedBy : null
  }

  plan(name: string): RepositoryPlan {
    const slash = name.indexOf('/')
    return slash < 0
      ? this.rules.planOf(name, '')
      : this.rules.planOf(name.slice(0, slash), name.slice(slash + 1))
  }

  [Symbol.dispose](): void {
    this.db[Symbol.dispose]()
  }
}

/** Returns `registry/repository` of a location. */
export const nameOf = ({ registry, repository }: RepositoryLocation): string => `${registry}/${repository}`
