DROP INDEX `trigger_targets_dead`;--> statement-breakpoint
ALTER TABLE `trigger_targets` ADD `may_have_another` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `trigger_targets` SET `may_have_another` = 1 WHERE `delivery_event_id` IS NOT NULL AND (`failures` > 0 OR `lease_until` IS NOT NULL);--> statement-breakpoint
UPDATE `triggers` SET `bases_read_from` = '{"after":["",""],"known":' || `since` || '}' WHERE `bases_read_from` IS NOT NULL;--> statement-breakpoint
INSERT OR IGNORE INTO `trigger_position` (`id`, `sequence`) SELECT 1, max(
	ifnull((SELECT max(`sequence`) FROM `push_log`), 0),
	ifnull((SELECT max(`sequence`) FROM `stream_changes`), 0),
	ifnull((SELECT `dropped` FROM `push_log_state`), 0));
