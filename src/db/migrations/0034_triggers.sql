CREATE TABLE `trigger_attempts` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`delivery_id` integer NOT NULL,
	`at` integer NOT NULL,
	`milliseconds` integer NOT NULL,
	`status` integer,
	`response` text NOT NULL,
	`message` text,
	FOREIGN KEY (`delivery_id`) REFERENCES `trigger_deliveries`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `trigger_attempts_by_delivery` ON `trigger_attempts` (`delivery_id`,`id`);--> statement-breakpoint
CREATE TABLE `trigger_deliveries` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`trigger_id` integer NOT NULL,
	`tag_id` integer NOT NULL,
	`image_stream_name` text NOT NULL,
	`tag` text NOT NULL,
	`event_id` integer NOT NULL,
	`digest` text NOT NULL,
	`by_hand` integer NOT NULL,
	`webhook_id` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`request` text,
	`message` text,
	`link` text,
	`follow_url` text,
	`follow_at` integer,
	`follow_count` integer NOT NULL,
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `trigger_deliveries_by_move` ON `trigger_deliveries` (`trigger_id`,`tag_id`,`event_id`,`by_hand`);--> statement-breakpoint
CREATE INDEX `trigger_deliveries_by_trigger` ON `trigger_deliveries` (`trigger_id`,`id`);--> statement-breakpoint
CREATE INDEX `trigger_deliveries_by_tag` ON `trigger_deliveries` (`tag_id`,`id`);--> statement-breakpoint
CREATE INDEX `trigger_deliveries_to_follow` ON `trigger_deliveries` (`follow_at`) WHERE follow_at is not null;--> statement-breakpoint
CREATE TABLE `trigger_position` (
	`id` integer PRIMARY KEY NOT NULL,
	`sequence` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `trigger_secrets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`trigger_id` integer NOT NULL,
	`name` text NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `trigger_secrets_by_trigger` ON `trigger_secrets` (`trigger_id`,`name`,`id`);--> statement-breakpoint
CREATE TABLE `trigger_targets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`trigger_id` integer NOT NULL,
	`tag_id` integer NOT NULL,
	`wanted_event_id` integer NOT NULL,
	`wanted_image_id` integer NOT NULL,
	`fired_event_id` integer,
	`fired_image_id` integer,
	`delivery_event_id` integer,
	`delivery_image_id` integer,
	`delivery_by_hand` integer NOT NULL,
	`by_hand` integer NOT NULL,
	`failures` integer NOT NULL,
	`next_at` integer,
	`lease_until` integer,
	`guard` text,
	`held_since` integer,
	`approved_event_id` integer,
	`approved_by` text,
	`approved_at` integer,
	`due_at` integer,
	`state` text NOT NULL,
	`state_since` integer NOT NULL,
	`host` text NOT NULL,
	`is_held` integer NOT NULL,
	`message` text,
	`last_delivery_id` integer,
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `trigger_targets_by_tag` ON `trigger_targets` (`trigger_id`,`tag_id`);--> statement-breakpoint
CREATE INDEX `trigger_targets_of_tag` ON `trigger_targets` (`tag_id`,`id`);--> statement-breakpoint
CREATE INDEX `trigger_targets_due` ON `trigger_targets` (`host`,`due_at`) WHERE due_at is not null and is_held = 0;--> statement-breakpoint
CREATE INDEX `trigger_targets_by_state` ON `trigger_targets` (`trigger_id`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `trigger_targets_dead` ON `trigger_targets` (`trigger_id`,`state_since`) WHERE state = 'DEAD';--> statement-breakpoint
CREATE TABLE `triggers` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`uid` text NOT NULL,
	`namespace` text NOT NULL,
	`name` text NOT NULL,
	`source` text DEFAULT 'TAG' NOT NULL,
	`streams` text NOT NULL,
	`tags` text NOT NULL,
	`bases` text,
	`bases_named_by` text,
	`bases_read_from` text,
	`scope` text NOT NULL,
	`host` text NOT NULL,
	`action` text NOT NULL,
	`guards` text DEFAULT '{}' NOT NULL,
	`is_held` integer NOT NULL,
	`since` integer NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`paused_at` integer,
	`paused_until` integer,
	`paused_by` text,
	`pause_reason` text,
	`disabled_reason` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `triggers_by_name` ON `triggers` (`namespace`,`name`);--> statement-breakpoint
CREATE INDEX `triggers_by_source` ON `triggers` (`namespace`,`scope`,`streams`,`tags`);--> statement-breakpoint
CREATE INDEX `triggers_to_read` ON `triggers` (`id`) WHERE bases_read_from is not null;--> statement-breakpoint
CREATE INDEX `triggers_paused` ON `triggers` (`paused_until`) WHERE paused_until is not null;--> statement-breakpoint
CREATE TABLE `trigger_bases` (
	`key` text NOT NULL,
	`trigger_id` integer NOT NULL,
	`tag_id` integer NOT NULL,
	`image_id` integer NOT NULL,
	PRIMARY KEY(`key`, `trigger_id`, `tag_id`),
	FOREIGN KEY (`trigger_id`) REFERENCES `triggers`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`tag_id`) REFERENCES `tags`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `trigger_bases_by_target` ON `trigger_bases` (`trigger_id`,`tag_id`);--> statement-breakpoint
CREATE INDEX `trigger_bases_by_tag` ON `trigger_bases` (`tag_id`);