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
ALTER TABLE `import_schedules` ADD `slowed_by` integer DEFAULT 1 NOT NULL;