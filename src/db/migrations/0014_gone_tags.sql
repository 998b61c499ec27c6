ALTER TABLE `tags` ADD `gone_at` integer;--> statement-breakpoint
UPDATE `tags` SET `gone_at` = coalesce((SELECT c.`last_transition_time` FROM `tag_conditions` c
  WHERE c.`tag_id` = `tags`.`id` AND c.`type` = 'ImportSuccess'), 0) WHERE `failing` = 'NotFound' AND `upstream_digest` IS NOT NULL;
