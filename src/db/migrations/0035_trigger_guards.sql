ALTER TABLE `trigger_targets` ADD `guard` text;--> statement-breakpoint
ALTER TABLE `trigger_targets` ADD `held_since` integer;--> statement-breakpoint
ALTER TABLE `trigger_targets` ADD `approved_event_id` integer;--> statement-breakpoint
ALTER TABLE `trigger_targets` ADD `approved_by` text;--> statement-breakpoint
ALTER TABLE `trigger_targets` ADD `approved_at` integer;--> statement-breakpoint
ALTER TABLE `triggers` ADD `guards` text DEFAULT '{}' NOT NULL;