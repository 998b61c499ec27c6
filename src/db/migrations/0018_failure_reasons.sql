UPDATE `repository_watches` SET `reason` = CASE `reason` WHEN 'OddShape' THEN 'InvalidListing'
  WHEN 'TooLong' THEN 'ListingTooLong' ELSE 'RegistryUnavailable' END
  WHERE `reason` IN ('OddShape', 'TooLong', 'Unavailable');--> statement-breakpoint
UPDATE `verifications` SET `outcome` = json_set(`outcome`, '$.reason', 'TooManyReferrers')
  WHERE json_extract(`outcome`, '$.reason') = 'IncompleteList';
