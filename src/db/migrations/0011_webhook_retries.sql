ALTER TABLE `webhook_targets` ADD `retries` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `webhook_targets` ADD `retry_at` integer;