ALTER TABLE `webhook_targets` ADD `webhook_id` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `webhook_targets` ADD `reason` text;--> statement-breakpoint
ALTER TABLE `webhook_targets` ADD `message` text;--> statement-breakpoint
CREATE INDEX `webhook_targets_by_state` ON `webhook_targets` (`webhook_id`,`state`,`id`);--> statement-breakpoint
UPDATE `webhook_targets` SET `webhook_id` = h.`webhook_id` FROM `webhook_hints` h WHERE h.`id` = `webhook_targets`.`hint_id`;--> statement-breakpoint
UPDATE `webhook_targets` SET `state` = 'UP_TO_DATE' WHERE `state` = 'KNOWN';--> statement-breakpoint
UPDATE `webhook_targets` SET `state` = 'REQUESTED' WHERE `state` = 'ASKED' AND `import_id` IN (SELECT `id` FROM `imports` WHERE `finished_at` IS NULL);--> statement-breakpoint
UPDATE `webhook_targets` SET `state` = 'FAILED', `reason` = f.`reason`, `message` = f.`message` FROM `import_failures` f, `webhook_hints` h
	WHERE `webhook_targets`.`state` = 'ASKED' AND f.`import_id` = `webhook_targets`.`import_id` AND f.`tag` = `webhook_targets`.`tag`
	AND h.`id` = `webhook_targets`.`hint_id` AND NOT (h.`action` = 'delete' AND f.`reason` = 'NotFound');--> statement-breakpoint
UPDATE `webhook_targets` SET `state` = 'FAILED', `reason` = i.`reason`, `message` = i.`message` FROM `imports` i
	WHERE `webhook_targets`.`state` = 'ASKED' AND i.`id` = `webhook_targets`.`import_id` AND i.`state` = 'FAILED' AND i.`reason` IS NOT NULL AND i.`reason` <> 'NotFound';--> statement-breakpoint
UPDATE `webhook_targets` SET `state` = 'FINISHED' WHERE `state` = 'ASKED';--> statement-breakpoint
UPDATE `webhooks` SET `settings` = json_set(json_remove(`settings`, '$.isSigned'), '$.signed', json(`settings` -> '$.isSigned')) WHERE json_type(`settings`, '$.isSigned') IS NOT NULL;
