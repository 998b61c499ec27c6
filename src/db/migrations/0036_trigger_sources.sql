CREATE TABLE `trigger_bases` (
	`key` text NOT NULL,
	`trigger_id` integer NOT NULL,
	`tag_id` integer NOT NULL,
	`image_id` integer NOT NULL,
	PRIMARY KEY(`key`, `trigger_id`, `tag_id`),
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `trigger_bases_by_target` ON `trigger_bases` (`trigger_id`,`tag_id`);--> statement-breakpoint
CREATE INDEX `trigger_bases_by_tag` ON `trigger_bases` (`tag_id`);--> statement-breakpoint
ALTER TABLE `triggers` ADD `source` text DEFAULT 'TAG' NOT NULL;--> statement-breakpoint
ALTER TABLE `triggers` ADD `bases` text;--> statement-breakpoint
ALTER TABLE `triggers` ADD `bases_named_by` text;--> statement-breakpoint
ALTER TABLE `triggers` ADD `bases_read_from` text;--> statement-breakpoint
CREATE INDEX `triggers_to_read` ON `triggers` (`id`) WHERE bases_read_from is not null;