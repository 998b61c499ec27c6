ALTER TABLE `trigger_deliveries` ADD `caused_by` integer;--> statement-breakpoint
CREATE INDEX `trigger_deliveries_by_webhook_id` ON `trigger_deliveries` (`webhook_id`);