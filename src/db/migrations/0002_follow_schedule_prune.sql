CREATE TABLE `import_schedules` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`due_at` integer NOT NULL,
	`succeeded_at` integer,
	`failed_at` integer,
	`reason` text,
	`message` text,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `import_schedules_by_stream` ON `import_schedules` (`stream_id`,`tag`);--> statement-breakpoint
CREATE INDEX `import_schedules_by_due` ON `import_schedules` (`due_at`);--> statement-breakpoint
ALTER TABLE `spec_tags` ADD `follows_namespace` text;--> statement-breakpoint
ALTER TABLE `spec_tags` ADD `follows_stream` text;--> statement-breakpoint
ALTER TABLE `spec_tags` ADD `follows_tag` text;--> statement-breakpoint
CREATE INDEX `spec_tags_by_followed` ON `spec_tags` (`follows_namespace`,`follows_stream`,`follows_tag`);--> statement-breakpoint
CREATE INDEX `images_by_config` ON `images` (`config_digest`);--> statement-breakpoint
CREATE INDEX `push_log_by_image` ON `push_log` (`image_id`);--> statement-breakpoint
CREATE INDEX `push_log_by_previous_image` ON `push_log` (`previous_image_id`) WHERE previous_image_id is not null;--> statement-breakpoint
CREATE INDEX `tag_events_by_image` ON `tag_events` (`image_id`,`id`);