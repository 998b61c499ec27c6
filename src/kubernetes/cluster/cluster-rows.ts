import { count, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { clusters as table } from '../../db/tables/cluster.ts'
import { type Cluster, type ClusterRow, clusterOf, type Opening } from './cluster.ts'

/** The settings of a cluster. */
export interface ClusterSettings extends Pick<ClusterRow, 'access' | 'server'> {
  readonly openings: readonly Opening[]
}

/** Creates the access to the rows of clusters. Times are in milliseconds since 1970. */
export function createClusterRows({ orm }: Database) {
  const columnsOf = ({ openings, ...columns }: ClusterSettings) => ({
    ...columns,
    openings: JSON.stringify(openings),
  })
  return {
    /** Returns all clusters, by name. */
    all: (): Cluster[] => orm.select().from(table).orderBy(table.name).all().map(clusterOf),

    byName(name: string): Cluster | undefined {
      const row = orm.select().from(table).where(eq(table.name, name)).get()
      return row && clusterOf(row)
    },

    byId(id: number): Cluster | undefined {
      const row = orm.select().from(table).where(eq(table.id, id)).get()
      return row && clusterOf(row)
    },

    count: (): number => orm.select({ count: count() }).from(table).get()?.count ?? 0,

    insert(name: string, settings: ClusterSettings, now: number): Cluster {
      const values = { name, ...columnsOf(settings), createdAt: now, updatedAt: now }
      return clusterOf(orm.insert(table).values(values).returning().get())
    },

    update(id: number, settings: ClusterSettings, now: number): Cluster {
      const values = { ...columnsOf(settings), updatedAt: now }
      return clusterOf(orm.update(table).set(values).where(eq(table.id, id)).returning().get())
    },

    /** Stores what is known about the reachability of a cluster. */
    setHealth(id: number, { conditions, contactedAt }: Pick<Cluster, 'conditions' | 'contactedAt'>): void {
      const values = { conditions: JSON.stringify(conditions), contactedAt }
      orm.update(table).set(values).where(eq(table.id, id)).run()
    },

    delete(id: number): void {
      orm.delete(table).where(eq(table.id, id)).run()
    },
  }
}
