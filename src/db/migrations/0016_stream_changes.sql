CREATE TABLE `stream_changes` (
	`sequence` integer PRIMARY KEY NOT NULL,
	`changed_at` integer NOT NULL,
	`kind` text NOT NULL,
	`namespace` text NOT NULL,
	`image_stream_name` text NOT NULL,
	`stream_id` integer NOT NULL,
	`tag` text,
	`reason` text,
	`message` text
);
--> statement-breakpoint
CREATE INDEX `stream_changes_by_stream` ON `stream_changes` (`namespace`,`image_stream_name`,`sequence`);