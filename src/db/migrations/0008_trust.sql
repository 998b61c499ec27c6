CREATE TABLE `attachment_facts` (
	`digest` text PRIMARY KEY NOT NULL,
	`facts` text NOT NULL,
	`read_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `attachment_facts_by_read` ON `attachment_facts` (`read_at`);--> statement-breakpoint
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
CREATE INDEX `verifications_by_checked` ON `verifications` (`checked_at`);