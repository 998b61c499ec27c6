CREATE TABLE `registry_configurations` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`registry` text NOT NULL,
	`path` text NOT NULL,
	`access` text,
	`location` text,
	`mirrors` text,
	`insecure` integer,
	`ca` text,
	`client_certificate` text,
	`proxy_url` text,
	`proxy_username` text,
	`concurrency` integer,
	`requests_per_second` real,
	`vendor` text,
	`api_url` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `registry_configurations_by_prefix` ON `registry_configurations` (`registry`,`path`);--> statement-breakpoint
CREATE TABLE `registry_defaults` (
	`id` integer PRIMARY KEY NOT NULL,
	`access` text NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT "registry_defaults_one_row" CHECK("registry_defaults"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE `registry_secrets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`configuration_id` integer NOT NULL,
	`kind` text NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	FOREIGN KEY (`configuration_id`) REFERENCES `registry_configurations`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `registry_secrets_by_configuration` ON `registry_secrets` (`configuration_id`,`kind`);--> statement-breakpoint
CREATE INDEX `registry_secrets_by_key` ON `registry_secrets` (`key_id`);--> statement-breakpoint
CREATE TABLE `referrer_checks` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`namespace` text NOT NULL,
	`repository` text NOT NULL,
	`digest` text NOT NULL,
	`artifact_type` text NOT NULL,
	`found` text,
	`is_complete` integer NOT NULL,
	`checked_at` integer,
	`tried_at` integer NOT NULL,
	`reason` text,
	`message` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `referrer_checks_by_image` ON `referrer_checks` (`namespace`,`repository`,`digest`,`artifact_type`);--> statement-breakpoint
CREATE INDEX `referrer_checks_by_tried` ON `referrer_checks` (`tried_at`);--> statement-breakpoint
CREATE TABLE `trust_policies` (
	`stream_id` integer PRIMARY KEY NOT NULL,
	`requirements` text NOT NULL,
	`version` text NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `verifications` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`namespace` text NOT NULL,
	`repository` text NOT NULL,
	`digest` text NOT NULL,
	`policy_version` text NOT NULL,
	`outcome` text NOT NULL,
	`basis` text NOT NULL,
	`valid_until` integer,
	`checked_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `verifications_by_image` ON `verifications` (`namespace`,`repository`,`digest`,`policy_version`);--> statement-breakpoint
CREATE INDEX `verifications_by_checked` ON `verifications` (`checked_at`);--> statement-breakpoint
CREATE TABLE `import_listings` (
	`import_id` integer NOT NULL,
	`page` integer NOT NULL,
	`names` text NOT NULL,
	`next` text NOT NULL,
	`read_at` integer NOT NULL,
	PRIMARY KEY(`import_id`, `page`),
	FOREIGN KEY (`import_id`) REFERENCES `imports`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `reported_moves` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`tag_id` integer NOT NULL,
	`digest` text NOT NULL,
	`from_at` integer NOT NULL,
	`until_at` integer NOT NULL,
	`vendor` text NOT NULL,
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `reported_moves_of_tag` ON `reported_moves` (`tag_id`,`from_at`,`digest`);--> statement-breakpoint
CREATE TABLE `repository_watches` (
	`stream_id` integer PRIMARY KEY NOT NULL,
	`generation` integer NOT NULL,
	`vendor` text,
	`checked_at` integer,
	`checked_by` text,
	`swept_at` integer,
	`total` integer,
	`marks` text,
	`set_aside_until` integer,
	`reason` text,
	`message` text,
	`failing_since` integer,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `tag_claims` (
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`digest` text,
	`changed_at` integer,
	PRIMARY KEY(`stream_id`, `tag`),
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `webhook_deliveries` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`webhook_id` integer NOT NULL,
	`received_at` integer NOT NULL,
	`sender_id` text,
	`body_digest` text NOT NULL,
	`outcome` text NOT NULL,
	`reason` text,
	`note` text,
	`is_test` integer NOT NULL,
	`source` text NOT NULL,
	FOREIGN KEY (`webhook_id`) REFERENCES `webhooks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_webhook` ON `webhook_deliveries` (`webhook_id`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_sender_id` ON `webhook_deliveries` (`webhook_id`,`sender_id`) WHERE sender_id is not null;--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_body` ON `webhook_deliveries` (`webhook_id`,`body_digest`);--> statement-breakpoint
CREATE TABLE `webhook_hints` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`delivery_id` integer NOT NULL,
	`webhook_id` integer NOT NULL,
	`registry` text NOT NULL,
	`repository` text NOT NULL,
	`tag` text,
	`digest` text,
	`action` text NOT NULL,
	`received_at` integer NOT NULL,
	`handled_at` integer,
	FOREIGN KEY (`delivery_id`) REFERENCES `webhook_deliveries`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_hints_by_delivery` ON `webhook_hints` (`delivery_id`);--> statement-breakpoint
CREATE INDEX `webhook_hints_by_place` ON `webhook_hints` (`webhook_id`,`repository`,`tag`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_hints_open` ON `webhook_hints` (`id`) WHERE handled_at is null;--> statement-breakpoint
CREATE TABLE `webhook_secrets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`webhook_id` integer NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	FOREIGN KEY (`webhook_id`) REFERENCES `webhooks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_secrets_by_webhook` ON `webhook_secrets` (`webhook_id`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_secrets_by_key` ON `webhook_secrets` (`key_id`);--> statement-breakpoint
CREATE TABLE `webhook_targets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`hint_id` integer NOT NULL,
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`is_spec_tag` integer NOT NULL,
	`state` text NOT NULL,
	`import_id` integer,
	`retries` integer DEFAULT 0 NOT NULL,
	`retry_at` integer,
	FOREIGN KEY (`hint_id`) REFERENCES `webhook_hints`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_targets_by_hint` ON `webhook_targets` (`hint_id`);--> statement-breakpoint
CREATE INDEX `webhook_targets_by_stream` ON `webhook_targets` (`stream_id`,`tag`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_targets_by_import` ON `webhook_targets` (`import_id`) WHERE import_id is not null;--> statement-breakpoint
CREATE INDEX `webhook_targets_open` ON `webhook_targets` (`id`) WHERE state = 'OPEN';--> statement-breakpoint
CREATE TABLE `webhook_watches` (
	`stream_id` integer NOT NULL,
	`tag` text NOT NULL,
	`source` text NOT NULL,
	`webhook_id` integer NOT NULL,
	`announced` integer NOT NULL,
	PRIMARY KEY(`stream_id`, `tag`),
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`webhook_id`) REFERENCES `webhooks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_watches_by_webhook` ON `webhook_watches` (`webhook_id`);--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`key` text NOT NULL,
	`namespace` text NOT NULL,
	`sender` text NOT NULL,
	`registry` text NOT NULL,
	`aliases` text NOT NULL,
	`repositories` text NOT NULL,
	`settings` text NOT NULL,
	`enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`accepted_at` integer,
	`refused_at` integer,
	`trouble` text,
	`accepted` integer DEFAULT 0 NOT NULL,
	`refused` integer DEFAULT 0 NOT NULL,
	`announced` integer DEFAULT 0 NOT NULL,
	`announced_at` integer,
	`missed` integer DEFAULT 0 NOT NULL,
	`missed_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhooks_by_key` ON `webhooks` (`key`);--> statement-breakpoint
CREATE INDEX `webhooks_by_namespace` ON `webhooks` (`namespace`,`id`);--> statement-breakpoint
CREATE INDEX `webhooks_by_accepted` ON `webhooks` (`accepted_at`);--> statement-breakpoint
ALTER TABLE `registry_credentials` ADD `last_used_at` integer;--> statement-breakpoint
ALTER TABLE `import_schedules` ADD `slowed_by` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `tags` ADD `missing_since` integer;