ALTER TABLE `push_log_state` ADD `cursor_key` blob;--> statement-breakpoint
ALTER TABLE `push_log_state` ADD `readable_until` integer DEFAULT 0 NOT NULL;