-- of equal versions the more exact one comes first, as policies choose: the flag before the prefix and the name is inverted
UPDATE `tags` SET `version` = substr(`version`, 1, length(`version`) - length(`name`) - 2)
  || CASE substr(`version`, length(`version`) - length(`name`) - 1, 1) WHEN '0' THEN '1' ELSE '0' END
  || substr(`version`, length(`version`) - length(`name`))
WHERE `version` LIKE '1%' AND length(`version`) > length(`name`) + 2 AND substr(`version`, -length(`name`)) = `name`;
