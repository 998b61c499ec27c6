CREATE INDEX `images_by_kind` ON `images` (`kind`,`id`);--> statement-breakpoint
CREATE INDEX `tags_by_newest_of_all` ON `tags` (`newest_at`,`id`) WHERE removed_at is null;