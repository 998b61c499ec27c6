/**
 * Returns the SQL condition that a workload of a cluster runs, or specifies, the image with a digest, which is an expression. What
 * was last known of a cluster counts until the cluster is disconnected, also while it cannot be reached.
 */
export const isRunning = (digest: string): string =>
  `(exists (select 1 from workload_images where digest = ${digest})
     or exists (select 1 from workload_containers where digest = ${digest}))`
