CREATE TABLE `log_writers` (
	`first_sequence` integer PRIMARY KEY NOT NULL,
	`nonce` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `push_log_state` ADD `dropped_fingerprint` text;--> statement-breakpoint
ALTER TABLE `push_log_state` ADD `is_marked` integer DEFAULT 0 NOT NULL;