CREATE TABLE `nested_indexes` (
	`image_id` integer PRIMARY KEY NOT NULL,
	`levels` integer NOT NULL,
	FOREIGN KEY (`image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE cascade
);
