CREATE TABLE `confirmed_images` (
	`image_id` integer NOT NULL,
	`namespace` text NOT NULL,
	PRIMARY KEY(`image_id`, `namespace`),
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `image_children` (
	`image_id` integer NOT NULL,
	`index_id` integer NOT NULL,
	PRIMARY KEY(`image_id`, `index_id`),
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`index_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `image_children_by_index` ON `image_children` (`index_id`);--> statement-breakpoint
INSERT OR IGNORE INTO `image_children` (`image_id`, `index_id`)
	SELECT c.`id`, i.`id` FROM `images` i
	CROSS JOIN json_each(iif(json_valid(cast(i.`manifest` AS text)), cast(i.`manifest` AS text), '{}'), '$.manifests') d
	CROSS JOIN `images` c ON c.`digest` = d.`value` ->> 'digest';
--> statement-breakpoint
INSERT OR IGNORE INTO `confirmed_images` (`image_id`, `namespace`)
	WITH RECURSIVE confirmed (id, namespace) AS (
		SELECT e.`image_id`, s.`namespace` FROM `tag_events` e
			JOIN `tags` t ON t.`id` = e.`tag_id` JOIN `image_streams` s ON s.`id` = t.`stream_id`
		UNION SELECT i.`id`, s.`namespace` FROM `tags` t
			JOIN `image_streams` s ON s.`id` = t.`stream_id` JOIN `images` i ON i.`digest` = t.`upstream_digest`
		UNION SELECT m.`image_id`, r.`namespace` FROM `repository_manifests` m JOIN `repositories` r ON r.`id` = m.`repository_id`
		UNION SELECT c.`image_id`, confirmed.namespace FROM confirmed JOIN `image_children` c ON c.`index_id` = confirmed.id)
	SELECT id, namespace FROM confirmed;
