CREATE TABLE `scrub_passes` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`started_at` integer NOT NULL,
	`finished_at` integer,
	`database_checked_at` integer,
	`position` text NOT NULL,
	`blob_count` integer NOT NULL,
	`size` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `storage_findings` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`content` text NOT NULL,
	`digest` text NOT NULL,
	`size` integer NOT NULL,
	`problem` text NOT NULL,
	`found_at` integer NOT NULL,
	`quarantined` text,
	`ended_at` integer,
	`ending` text,
	`message` text
);
--> statement-breakpoint
CREATE INDEX `storage_findings_open` ON `storage_findings` (`content`,`digest`) WHERE ended_at is null;--> statement-breakpoint
CREATE INDEX `storage_findings_by_end` ON `storage_findings` (`ended_at`,`id`);