ALTER TABLE `images` ADD `kind` text DEFAULT 'IMAGE' NOT NULL;--> statement-breakpoint
ALTER TABLE `images` ADD `artifact_type` text;--> statement-breakpoint
ALTER TABLE `tags` ADD `artifact` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `images` SET
	`kind` = kind_of(`media_type`, `manifest`, (SELECT `bytes` FROM `image_configs` WHERE `digest` = `config_digest`)),
	`artifact_type` = artifact_type_of(`media_type`, `manifest`, (SELECT `bytes` FROM `image_configs` WHERE `digest` = `config_digest`));--> statement-breakpoint
UPDATE `images` SET `kind` = 'ARTIFACT' WHERE `kind` = 'INDEX'
	AND json_array_length(iif(json_valid(cast(`manifest` AS text)), cast(`manifest` AS text), '{}'), '$.manifests') > 0
	AND NOT EXISTS (SELECT 1 FROM json_each(iif(json_valid(cast(`images`.`manifest` AS text)), cast(`images`.`manifest` AS text), '{}'), '$.manifests') d
		LEFT JOIN `images` c ON c.`digest` = d.`value` ->> 'digest' WHERE c.`kind` IS NOT 'ARTIFACT');--> statement-breakpoint
UPDATE `tags` SET `artifact` = is_referrers_tag(`name`)
	OR ifnull((SELECT `kind` = 'ARTIFACT' FROM `images` WHERE `id` = `newest_image_id`), 0);
