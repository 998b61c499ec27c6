CREATE TABLE `image_configs` (
	`digest` text PRIMARY KEY NOT NULL,
	`bytes` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `image_streams` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`uid` text NOT NULL,
	`namespace` text NOT NULL,
	`name` text NOT NULL,
	`generation` integer NOT NULL,
	`resource_version` integer NOT NULL,
	`created_at` integer NOT NULL,
	`labels` text NOT NULL,
	`annotations` text NOT NULL,
	`docker_image_repository` text,
	`repository_generation` integer NOT NULL,
	`insecure` integer NOT NULL,
	`scheduled` integer NOT NULL,
	`import_mode` text NOT NULL,
	`lookup_local` integer NOT NULL,
	`repository_check` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `image_streams_by_name` ON `image_streams` (`namespace`,`name`);--> statement-breakpoint
CREATE TABLE `images` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`digest` text NOT NULL,
	`media_type` text NOT NULL,
	`docker_image_reference` text NOT NULL,
	`manifest` blob NOT NULL,
	`config_digest` text,
	`size` integer,
	`created_at` integer,
	`os` text,
	`architecture` text,
	`variant` text,
	FOREIGN KEY (`config_digest`) REFERENCES `image_configs`(`digest`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `images_by_digest` ON `images` (`digest`);--> statement-breakpoint
CREATE TABLE `import_failures` (
	`import_id` integer NOT NULL,
	`tag` text NOT NULL,
	`importance` text NOT NULL,
	`reason` text NOT NULL,
	`message` text NOT NULL,
	PRIMARY KEY(`import_id`, `tag`),
	FOREIGN KEY (`import_id`) REFERENCES `imports`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `imports` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`stream_id` integer,
	`request` text NOT NULL,
	`state` text NOT NULL,
	`started_at` integer,
	`finished_at` integer,
	`total` integer,
	`imported` integer NOT NULL,
	`unchanged` integer NOT NULL,
	`failed` integer NOT NULL,
	`additional_tags` text NOT NULL,
	`unchanged_events` text NOT NULL,
	`reason` text,
	`message` text,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE INDEX `imports_by_stream` ON `imports` (`stream_id`,`id`);--> statement-breakpoint
CREATE INDEX `imports_unfinished` ON `imports` (`state`) WHERE finished_at is null;--> statement-breakpoint
CREATE TABLE `push_log` (
	`sequence` integer PRIMARY KEY NOT NULL,
	`pushed_at` integer NOT NULL,
	`source` text NOT NULL,
	`namespace` text NOT NULL,
	`image_stream_name` text NOT NULL,
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`docker_image_reference` text NOT NULL,
	`image_id` integer NOT NULL,
	`previous_image_id` integer,
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`previous_image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `push_log_by_stream` ON `push_log` (`namespace`,`image_stream_name`,`sequence`);--> statement-breakpoint
CREATE TABLE `push_log_state` (
	`id` integer PRIMARY KEY NOT NULL,
	`uid` text NOT NULL,
	`dropped` integer NOT NULL,
	CONSTRAINT "push_log_state_single" CHECK("push_log_state"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE `spec_tags` (
	`stream_id` integer NOT NULL,
	`name` text NOT NULL,
	`annotations` text NOT NULL,
	`from_kind` text,
	`from_name` text,
	`from_namespace` text,
	`reference` integer NOT NULL,
	`generation` integer NOT NULL,
	`insecure` integer NOT NULL,
	`scheduled` integer NOT NULL,
	`import_mode` text NOT NULL,
	`reference_policy` text NOT NULL,
	PRIMARY KEY(`stream_id`, `name`),
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `tag_conditions` (
	`tag_id` integer NOT NULL,
	`type` text NOT NULL,
	`status` text NOT NULL,
	`reason` text NOT NULL,
	`message` text NOT NULL,
	`last_transition_time` integer NOT NULL,
	`generation` integer NOT NULL,
	PRIMARY KEY(`tag_id`, `type`),
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `tag_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`tag_id` integer NOT NULL,
	`image_id` integer NOT NULL,
	`docker_image_reference` text NOT NULL,
	`generation` integer NOT NULL,
	`created_at` integer NOT NULL,
	`import_id` integer,
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `tag_events_by_tag` ON `tag_events` (`tag_id`,`id`);--> statement-breakpoint
CREATE INDEX `tag_events_by_import` ON `tag_events` (`import_id`) WHERE import_id is not null;--> statement-breakpoint
CREATE TABLE `tags` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`stream_id` integer NOT NULL,
	`name` text NOT NULL,
	`importance` text NOT NULL,
	`version` text NOT NULL,
	`newest_event_id` integer,
	`newest_at` integer NOT NULL,
	`newest_image_id` integer,
	`upstream_digest` text,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tags_by_name` ON `tags` (`stream_id`,`name`);--> statement-breakpoint
CREATE INDEX `tags_by_importance` ON `tags` (`stream_id`,`importance`);--> statement-breakpoint
CREATE INDEX `tags_by_version` ON `tags` (`stream_id`,`version`);--> statement-breakpoint
CREATE INDEX `tags_by_newest` ON `tags` (`stream_id`,`newest_at`,`id`);--> statement-breakpoint
CREATE INDEX `tags_by_image` ON `tags` (`newest_image_id`,`id`);