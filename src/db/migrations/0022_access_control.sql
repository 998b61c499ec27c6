CREATE TABLE `access_tokens` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` integer NOT NULL,
	`name` text NOT NULL,
	`hash` blob NOT NULL,
	`prefix` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	`last_used_from` text,
	`revoked_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_by_hash` ON `access_tokens` (`hash`);--> statement-breakpoint
CREATE INDEX `access_tokens_by_user` ON `access_tokens` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `access_tokens_by_use` ON `access_tokens` (`last_used_at`,`id`);--> statement-breakpoint
CREATE TABLE `audit_entries` (
	`sequence` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`principal` text NOT NULL,
	`principal_name` text NOT NULL,
	`address` text,
	`request_id` text,
	`action` text NOT NULL,
	`namespace` text,
	`target` text,
	`outcome` text NOT NULL,
	`details` text NOT NULL,
	`hash` blob NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_entries_by_namespace` ON `audit_entries` (`namespace`,`sequence`);--> statement-breakpoint
CREATE INDEX `audit_entries_by_principal` ON `audit_entries` (`principal`,`sequence`);--> statement-breakpoint
CREATE INDEX `audit_entries_by_action` ON `audit_entries` (`action`,`sequence`);--> statement-breakpoint
CREATE TABLE `federation_rules` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`issuer` text NOT NULL,
	`audience` text NOT NULL,
	`claims` text NOT NULL,
	`max_lifetime` integer NOT NULL,
	`allows_pull_requests` integer NOT NULL,
	`settings` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`disabled_at` integer,
	`last_used_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `federation_rules_by_name` ON `federation_rules` (`name`);--> statement-breakpoint
CREATE INDEX `federation_rules_by_issuer` ON `federation_rules` (`issuer`,`id`);--> statement-breakpoint
CREATE TABLE `grants` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`subject_kind` text NOT NULL,
	`subject` text NOT NULL,
	`role` text NOT NULL,
	`namespace` text NOT NULL,
	`streams` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `grants_by_subject` ON `grants` (`subject_kind`,`subject`,`namespace`,`streams`,`role`);--> statement-breakpoint
CREATE INDEX `grants_by_namespace` ON `grants` (`namespace`,`id`);--> statement-breakpoint
CREATE TABLE `one_time_secrets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`hash` blob NOT NULL,
	`purpose` text NOT NULL,
	`content` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `one_time_secrets_by_hash` ON `one_time_secrets` (`hash`);--> statement-breakpoint
CREATE INDEX `one_time_secrets_by_expiry` ON `one_time_secrets` (`expires_at`);--> statement-breakpoint
CREATE TABLE `quotas` (
	`namespace` text PRIMARY KEY NOT NULL,
	`streams` integer,
	`tags` integer,
	`bytes` integer,
	`requests_per_hour` integer,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` integer NOT NULL,
	`hash` blob NOT NULL,
	`kind` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`last_used_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_by_hash` ON `sessions` (`hash`);--> statement-breakpoint
CREATE INDEX `sessions_by_user` ON `sessions` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `sessions_by_expiry` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `tag_protections` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`namespace` text NOT NULL,
	`streams` text NOT NULL,
	`tags` text NOT NULL,
	`except_roles` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tag_protections_by_pattern` ON `tag_protections` (`namespace`,`streams`,`tags`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`issuer` text NOT NULL,
	`subject` text NOT NULL,
	`name` text NOT NULL,
	`email` text,
	`groups` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_sign_in_at` integer NOT NULL,
	`suspended_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_by_subject` ON `users` (`issuer`,`subject`);