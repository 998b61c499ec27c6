CREATE TABLE `policy_choices` (
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`chosen` text,
	`decided_at` integer NOT NULL,
	`report` text,
	PRIMARY KEY(`stream_id`, `tag`),
	FOREIGN KEY (`stream_id`,`tag`) REFERENCES `spec_tags`(`stream_id`,`name`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `stream_labels` (
	`stream_id` integer NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	PRIMARY KEY(`stream_id`, `key`),
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `stream_labels_by_label` ON `stream_labels` (`key`,`value`,`stream_id`);--> statement-breakpoint
DROP INDEX `tags_by_image`;--> statement-breakpoint
ALTER TABLE `tags` ADD `platforms` text;--> statement-breakpoint
ALTER TABLE `tags` ADD `failing` text;--> statement-breakpoint
CREATE INDEX `tags_by_platforms` ON `tags` (`platforms`,`stream_id`);--> statement-breakpoint
CREATE INDEX `tags_by_failing` ON `tags` (`failing`,`stream_id`) WHERE failing is not null;--> statement-breakpoint
CREATE INDEX `tags_by_image` ON `tags` (`newest_image_id`,`stream_id`,`id`);--> statement-breakpoint
ALTER TABLE `image_streams` ADD `registry` text;--> statement-breakpoint
ALTER TABLE `image_streams` ADD `checked_at` integer;--> statement-breakpoint
ALTER TABLE `image_streams` ADD `newest_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `image_streams_by_own_name` ON `image_streams` (`name`);--> statement-breakpoint
CREATE INDEX `image_streams_by_newest` ON `image_streams` (`newest_at`,`id`);--> statement-breakpoint
CREATE INDEX `image_streams_by_newest_in_namespace` ON `image_streams` (`namespace`,`newest_at`,`id`);--> statement-breakpoint
CREATE INDEX `image_streams_by_registry` ON `image_streams` (`registry`,`id`);--> statement-breakpoint
CREATE INDEX `image_streams_by_checked` ON `image_streams` (`checked_at`);--> statement-breakpoint
ALTER TABLE `images` ADD `platforms` text;--> statement-breakpoint
ALTER TABLE `imports` ADD `reindexed_events` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `spec_tags` ADD `position` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `spec_tags` ADD `registry` text;--> statement-breakpoint
ALTER TABLE `spec_tags` ADD `policy` text;--> statement-breakpoint
CREATE INDEX `spec_tags_by_registry` ON `spec_tags` (`registry`,`stream_id`) WHERE registry is not null;--> statement-breakpoint
CREATE INDEX `spec_tags_with_policy` ON `spec_tags` (`stream_id`) WHERE policy is not null;--> statement-breakpoint
UPDATE `image_streams` SET `registry` = registry_of(`docker_image_repository`),
	`newest_at` = coalesce((SELECT max(`newest_at`) FROM `tags` WHERE `stream_id` = `image_streams`.`id`), 0),
	`checked_at` = (SELECT max(`finished_at`) FROM `imports` WHERE `stream_id` = `image_streams`.`id` AND `state` = 'SUCCEEDED');--> statement-breakpoint
UPDATE `spec_tags` SET `registry` = registry_of(`from_name`) WHERE `from_kind` = 'DockerImage';--> statement-breakpoint
INSERT OR IGNORE INTO `stream_labels` SELECT s.`id`, l.`value` ->> 'key', l.`value` ->> 'value' FROM `image_streams` s, json_each(s.`labels`) l;--> statement-breakpoint
UPDATE `images` SET `platforms` = platforms_of(`media_type`, `manifest`, `os`, `architecture`, `variant`);--> statement-breakpoint
UPDATE `tags` SET `platforms` = (SELECT `platforms` FROM `images` WHERE `id` = `newest_image_id`),
	`failing` = (SELECT `reason` FROM `tag_conditions` WHERE `tag_id` = `tags`.`id` AND `type` = 'ImportSuccess' AND `status` = 'False');
