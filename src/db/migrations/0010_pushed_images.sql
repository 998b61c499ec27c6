ALTER TABLE `images` ADD `pushed` integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
UPDATE `images` SET `pushed` = 1 WHERE `id` IN (SELECT `image_id` FROM `push_log` WHERE `source` = 'REGISTRY') OR `id` IN (SELECT `image_id` FROM `repository_manifests` WHERE `source` IS NULL);