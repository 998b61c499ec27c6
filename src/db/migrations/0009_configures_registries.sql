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
CREATE INDEX `registry_secrets_by_key` ON `registry_secrets` (`key_id`);