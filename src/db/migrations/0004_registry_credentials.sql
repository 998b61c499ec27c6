CREATE TABLE `registry_credentials` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`namespace` text NOT NULL,
	`registry` text NOT NULL,
	`path` text NOT NULL,
	`kind` text NOT NULL,
	`username` text NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `registry_credentials_by_prefix` ON `registry_credentials` (`namespace`,`registry`,`path`);--> statement-breakpoint
CREATE INDEX `registry_credentials_by_key` ON `registry_credentials` (`key_id`);