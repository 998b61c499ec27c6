CREATE TABLE `image_mirrorings` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`namespace` text NOT NULL,
	`image_stream` text NOT NULL,
	`tag` text NOT NULL,
	`source` text NOT NULL,
	`options` text NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer,
	`digest` text,
	`manifest_count` integer,
	`blob_count` integer,
	`size` integer,
	`stored_blob_count` integer NOT NULL,
	`stored_size` integer NOT NULL,
	`fetched_size` integer NOT NULL,
	`reason` text,
	`message` text
);
--> statement-breakpoint
CREATE INDEX `image_mirrorings_by_stream` ON `image_mirrorings` (`namespace`,`image_stream`,`id`);--> statement-breakpoint
CREATE INDEX `image_mirrorings_unfinished` ON `image_mirrorings` (`state`) WHERE finished_at is null;