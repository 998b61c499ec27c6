CREATE TABLE `blobs` (
	`digest` text PRIMARY KEY NOT NULL,
	`size` integer NOT NULL,
	`stored_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `collections` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`started_at` integer NOT NULL,
	`finished_at` integer,
	`manifests` integer NOT NULL,
	`blobs` integer NOT NULL,
	`uploads` integer NOT NULL,
	`bytes` integer NOT NULL,
	`message` text
);
--> statement-breakpoint
CREATE TABLE `manifest_references` (
	`image_id` integer NOT NULL,
	`digest` text NOT NULL,
	PRIMARY KEY(`image_id`, `digest`),
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `manifest_references_by_digest` ON `manifest_references` (`digest`);--> statement-breakpoint
CREATE TABLE `registry_notifications` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`event_id` text NOT NULL,
	`action` text NOT NULL,
	`repository` text NOT NULL,
	`tag` text,
	`digest` text,
	`occurred_at` integer NOT NULL,
	`received_at` integer NOT NULL,
	`handled_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `registry_notifications_by_event` ON `registry_notifications` (`event_id`);--> statement-breakpoint
CREATE INDEX `registry_notifications_by_tag` ON `registry_notifications` (`repository`,`tag`,`occurred_at`);--> statement-breakpoint
CREATE INDEX `registry_notifications_open` ON `registry_notifications` (`id`) WHERE handled_at is null;--> statement-breakpoint
CREATE TABLE `repositories` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`namespace` text NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL,
	`stream_id` integer,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `repositories_by_name` ON `repositories` (`namespace`,`name`);--> statement-breakpoint
CREATE INDEX `repositories_by_stream` ON `repositories` (`stream_id`);--> statement-breakpoint
CREATE TABLE `repository_blobs` (
	`repository_id` integer NOT NULL,
	`digest` text NOT NULL,
	`confirmed_at` integer NOT NULL,
	PRIMARY KEY(`repository_id`, `digest`),
	FOREIGN KEY (`repository_id`) REFERENCES `repositories`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`digest`) REFERENCES `blobs`(`digest`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `repository_blobs_by_digest` ON `repository_blobs` (`digest`);--> statement-breakpoint
CREATE TABLE `repository_manifests` (
	`repository_id` integer NOT NULL,
	`digest` text NOT NULL,
	`image_id` integer NOT NULL,
	`subject` text,
	`artifact_type` text,
	`source` text,
	`insecure` integer NOT NULL,
	`pushed_at` integer NOT NULL,
	`confirmed_at` integer NOT NULL,
	PRIMARY KEY(`repository_id`, `digest`),
	FOREIGN KEY (`repository_id`) REFERENCES `repositories`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `repository_manifests_by_subject` ON `repository_manifests` (`repository_id`,`subject`,`digest`);--> statement-breakpoint
CREATE INDEX `repository_manifests_by_image` ON `repository_manifests` (`image_id`,`repository_id`);