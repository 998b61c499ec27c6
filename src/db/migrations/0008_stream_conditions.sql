CREATE TABLE `stream_conditions` (
	`stream_id` integer NOT NULL,
	`type` text NOT NULL,
	`status` text NOT NULL,
	`reason` text NOT NULL,
	`message` text NOT NULL,
	`last_transition_time` integer NOT NULL,
	`generation` integer NOT NULL,
	PRIMARY KEY(`stream_id`, `type`),
	FOREIGN KEY (`stream_id`) REFERENCES `image_streams`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `stream_conditions_by_reason` ON `stream_conditions` (`reason`,`stream_id`);