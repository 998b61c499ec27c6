import { eq, getTableColumns, type SQL } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { clusters, clusterSecrets as table } from '../../db/tables/cluster.ts'
import type { Vault } from '../../secrets/rotate-keys.ts'
import { openNamed, type SealedSecret, type Sealer } from '../../secrets/sealer.ts'
import type { ClusterRow } from './cluster.ts'

/** The columns of a cluster that its kubeconfig is bound to. */
type SecretOwner = Pick<ClusterRow, 'id' | 'name' | 'server'>

/** Returns the strings that a kubeconfig is sealed with: write access to the database cannot move it to another cluster. */
const boundTo = ({ name, server }: SecretOwner): string[] => ['cluster kubeconfig', name, server]

const sealedSecretOf = (
  owner: SecretOwner,
  { id, keyId, sealed }: typeof table.$inferSelect,
): SealedSecret => ({
  id,
  name: `the kubeconfig of the cluster ${owner.name}`,
  sealed: { keyId, bytes: sealed },
  boundTo: boundTo(owner),
})

/** Describes the sealed kubeconfigs of clusters. */
export const clusterVault = ({ orm }: Database): Vault => ({
  noun: 'kubeconfig',
  table,
  secrets: (where: SQL) =>
    orm
      .select({ secret: getTableColumns(table), owner: getTableColumns(clusters) })
      .from(table)
      .innerJoin(clusters, eq(clusters.id, table.clusterId))
      .where(where)
      .orderBy(table.id)
      .all()
      .map(({ secret, owner }) => sealedSecretOf(owner, secret)),
})

/** Creates the access to the kubeconfigs of clusters. */
export const createClusterSecrets = ({ orm }: Database, sealer: Sealer) => ({
  /** Replaces the kubeconfig of a cluster; null deletes it. */
  set(owner: SecretOwner, kubeconfig: string | null): void {
    orm.delete(table).where(eq(table.clusterId, owner.id)).run()
    if (kubeconfig === null) return
    const { keyId, bytes } = sealer.seal(kubeconfig, boundTo(owner))
    orm.insert(table).values({ clusterId: owner.id, keyId, sealed: bytes }).run()
  },

  /** Returns the kubeconfig of a cluster; null without one. Throws BrokenSealError. */
  open(owner: SecretOwner): string | null {
    const row = orm.select().from(table).where(eq(table.clusterId, owner.id)).get()
    return row ? openNamed(sealer, sealedSecretOf(owner, row)) : null
  },
})
