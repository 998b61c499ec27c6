import { index, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { ownerKey, rowid, sealed, time } from './columns.ts'

/** Kubernetes and OpenShift clusters whose workloads are observed and updated. */
export const clusters = sqliteTable(
  'clusters',
  {
    id: rowid(),
    name: text('name').notNull(),
    /** The kubeconfig is in `clusterSecrets`; `SERVICE_ACCOUNT` is that of the pod in which this server runs. */
    access: text('access', { enum: ['KUBECONFIG', 'SERVICE_ACCOUNT'] }).notNull(),
    /** URL of the API server, without secrets. */
    server: text('server').notNull(),
    /** JSON text: `[{"clusterNamespaces":…,"namespaces":…}]`, which namespaces of the cluster use streams of which of ours. */
    openings: text('openings').notNull(),
    /** JSON text: `[{"type":…,"status":…,"message":…,"remedy":…,"since":…}]`. */
    conditions: text('conditions').notNull().default('[]'),
    /** When the API server last responded; null for never. */
    contactedAt: time('contacted_at'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [uniqueIndex('clusters_by_name').on(t.name)],
)

/** The kubeconfigs of clusters, which no query returns. */
export const clusterSecrets = sqliteTable(
  'cluster_secrets',
  {
    id: rowid(),
    clusterId: ownerKey('cluster_id', () => clusters.id),
    /** Id of the key that opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Can be opened only with the key, and only for this cluster and its server. */
    sealed: sealed(),
  },
  (t) => [
    uniqueIndex('cluster_secrets_by_cluster').on(t.clusterId),
    index('cluster_secrets_by_key').on(t.keyId),
  ],
)
