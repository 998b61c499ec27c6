CREATE TABLE `mirrored_tags` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mirroring_id` integer NOT NULL,
	`source` text NOT NULL,
	`tag` text,
	`state` text NOT NULL,
	`finished_at` integer,
	`digest` text,
	`manifest_count` integer,
	`blob_count` integer,
	`size` integer,
	`stored_blob_count` integer DEFAULT 0 NOT NULL,
	`stored_size` integer DEFAULT 0 NOT NULL,
	`fetched_size` integer DEFAULT 0 NOT NULL,
	`reason` text,
	`message` text,
	FOREIGN KEY (`mirroring_id`) REFERENCES `image_mirrorings`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `mirrored_tags_by_mirroring` ON `mirrored_tags` (`mirroring_id`,`id`);--> statement-breakpoint
CREATE INDEX `mirrored_tags_by_state` ON `mirrored_tags` (`mirroring_id`,`state`,`id`);--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `to_repository` text;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `tag_pattern` text;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `listed_at` integer;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `tag_count` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `copied_tag_count` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `unchanged_tag_count` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `failed_tag_count` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `image_mirrorings` ADD `skipped_tag_count` integer DEFAULT 0 NOT NULL;