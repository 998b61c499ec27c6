ALTER TABLE `policy_choices` ADD `passed_over_reason` text;--> statement-breakpoint
ALTER TABLE `policy_choices` ADD `passed_over_message` text;--> statement-breakpoint
ALTER TABLE `policy_choices` ADD `passed_over_since` integer;