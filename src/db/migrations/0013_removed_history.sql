DROP INDEX `image_streams_by_name`;--> statement-breakpoint
DROP INDEX `image_streams_by_own_name`;--> statement-breakpoint
DROP INDEX `image_streams_by_newest`;--> statement-breakpoint
DROP INDEX `image_streams_by_newest_in_namespace`;--> statement-breakpoint
ALTER TABLE `image_streams` ADD `deleted_at` integer;--> statement-breakpoint
ALTER TABLE `image_streams` ADD `deleted_spec` text;--> statement-breakpoint
CREATE INDEX `image_streams_by_uid` ON `image_streams` (`uid`);--> statement-breakpoint
CREATE INDEX `image_streams_by_deletion` ON `image_streams` (`deleted_at`) WHERE deleted_at is not null;--> statement-breakpoint
CREATE INDEX `image_streams_deleted` ON `image_streams` (`namespace`,`deleted_at`,`id`) WHERE deleted_at is not null;--> statement-breakpoint
CREATE UNIQUE INDEX `image_streams_by_name` ON `image_streams` (`namespace`,`name`) WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX `image_streams_by_own_name` ON `image_streams` (`name`) WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX `image_streams_by_newest` ON `image_streams` (`newest_at`,`id`) WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX `image_streams_by_newest_in_namespace` ON `image_streams` (`namespace`,`newest_at`,`id`) WHERE deleted_at is null;--> statement-breakpoint
DROP INDEX `tags_by_importance`;--> statement-breakpoint
DROP INDEX `tags_by_version`;--> statement-breakpoint
DROP INDEX `tags_by_newest`;--> statement-breakpoint
ALTER TABLE `tags` ADD `removed_at` integer;--> statement-breakpoint
ALTER TABLE `tags` ADD `removed_spec` text;--> statement-breakpoint
CREATE INDEX `tags_removed` ON `tags` (`stream_id`,`removed_at`,`id`) WHERE removed_at is not null;--> statement-breakpoint
CREATE INDEX `tags_by_importance` ON `tags` (`stream_id`,`importance`) WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX `tags_by_version` ON `tags` (`stream_id`,`version`) WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX `tags_by_newest` ON `tags` (`stream_id`,`newest_at`,`id`) WHERE removed_at is null;--> statement-breakpoint
ALTER TABLE `tag_events` ADD `removed_at` integer;--> statement-breakpoint
ALTER TABLE `tag_events` ADD `removed_reason` text;--> statement-breakpoint
CREATE INDEX `tag_events_with_removal` ON `tag_events` (`tag_id`,`id`) WHERE removed_at is not null;