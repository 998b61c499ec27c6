CREATE TABLE `import_listings` (
	`import_id` integer NOT NULL,
	`page` integer NOT NULL,
	`names` text NOT NULL,
	`next` text NOT NULL,
	`read_at` integer NOT NULL,
	PRIMARY KEY(`import_id`, `page`),
	FOREIGN KEY (`import_id`) REFERENCES `imports`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `reported_moves` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`tag_id` integer NOT NULL,
	`digest` text NOT NULL,
	`from_at` integer NOT NULL,
	`until_at` integer NOT NULL,
	`vendor` text NOT NULL,
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `reported_moves_of_tag` ON `reported_moves` (`tag_id`,`from_at`,`digest`);--> statement-breakpoint
CREATE TABLE `repository_watches` (
	`stream_id` integer PRIMARY KEY NOT NULL,
	`generation` integer NOT NULL,
	`vendor` text,
	`checked_at` integer,
	`checked_by` text,
	`swept_at` integer,
	`total` integer,
	`marks` text,
	`set_aside_until` integer,
	`reason` text,
	`message` text,
	`failing_since` integer,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `tag_claims` (
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`digest` text,
	`changed_at` integer,
	PRIMARY KEY(`stream_id`, `tag`),
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
ALTER TABLE `tags` ADD `missing_since` integer;