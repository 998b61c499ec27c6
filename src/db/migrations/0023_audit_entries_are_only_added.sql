CREATE INDEX `audit_entries_by_outcome` ON `audit_entries` (`outcome`,`sequence`);--> statement-breakpoint
CREATE TRIGGER `audit_entries_are_not_changed` BEFORE UPDATE ON `audit_entries` BEGIN
  SELECT RAISE(ABORT, 'audit entries are only added');
END;--> statement-breakpoint
CREATE TRIGGER `audit_entries_are_not_removed` BEFORE DELETE ON `audit_entries` BEGIN
  SELECT RAISE(ABORT, 'audit entries are only added');
END;
