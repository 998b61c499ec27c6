DROP INDEX `federation_rules_by_name`;--> statement-breakpoint
CREATE INDEX `federation_rules_by_name` ON `federation_rules` (`name`);