DROP INDEX `trigger_deliveries_by_tag`;--> statement-breakpoint
CREATE INDEX `trigger_deliveries_by_tag` ON `trigger_deliveries` (`tag_id`,`ended_at`);