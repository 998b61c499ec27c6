CREATE TABLE `cluster_secrets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`cluster_id` integer NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	FOREIGN KEY (`cluster_id`) REFERENCES `clusters`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `cluster_secrets_by_cluster` ON `cluster_secrets` (`cluster_id`);--> statement-breakpoint
CREATE INDEX `cluster_secrets_by_key` ON `cluster_secrets` (`key_id`);--> statement-breakpoint
CREATE TABLE `clusters` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`access` text NOT NULL,
	`server` text NOT NULL,
	`openings` text NOT NULL,
	`conditions` text DEFAULT '[]' NOT NULL,
	`contacted_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `clusters_by_name` ON `clusters` (`name`);--> statement-breakpoint
CREATE TABLE `workload_containers` (
	`workload_id` integer NOT NULL,
	`name` text NOT NULL,
	`image` text NOT NULL,
	`digest` text,
	`stream_namespace` text,
	`stream_name` text,
	`tag` text,
	`is_following` integer NOT NULL,
	`applied_image` text,
	`revert_count` integer DEFAULT 0 NOT NULL,
	`reverted_by` text,
	`reverted_since` integer,
	PRIMARY KEY(`workload_id`, `name`),
	FOREIGN KEY (`workload_id`) REFERENCES `workloads`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `workload_containers_by_tag` ON `workload_containers` (`stream_namespace`,`stream_name`,`tag`) WHERE stream_name is not null;--> statement-breakpoint
CREATE INDEX `workload_containers_by_digest` ON `workload_containers` (`digest`) WHERE digest is not null;--> statement-breakpoint
CREATE TABLE `workload_images` (
	`workload_id` integer NOT NULL,
	`container` text NOT NULL,
	`digest` text NOT NULL,
	`pods` integer NOT NULL,
	`since` integer NOT NULL,
	PRIMARY KEY(`workload_id`, `container`, `digest`),
	FOREIGN KEY (`workload_id`,`container`) REFERENCES `workload_containers`(`workload_id`,`name`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `workload_images_by_digest` ON `workload_images` (`digest`);--> statement-breakpoint
CREATE TABLE `workloads` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`cluster_id` integer NOT NULL,
	`namespace` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`version` text,
	`conditions` text DEFAULT '[]' NOT NULL,
	`due_at` integer,
	`marked` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`cluster_id`) REFERENCES `clusters`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `workloads_by_name` ON `workloads` (`cluster_id`,`namespace`,`kind`,`name`);--> statement-breakpoint
CREATE INDEX `workloads_due` ON `workloads` (`cluster_id`,`due_at`) WHERE due_at is not null;