ALTER TABLE `trigger_targets` RENAME COLUMN `host` TO `lane`;--> statement-breakpoint
UPDATE `trigger_targets` SET `lane` = (SELECT `namespace` FROM `triggers` WHERE `triggers`.`id` = `trigger_targets`.`trigger_id`) || ' ' || `lane`;
