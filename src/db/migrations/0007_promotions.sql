ALTER TABLE `repository_manifests` ADD `copied_from` integer REFERENCES repositories(id) ON DELETE set null;--> statement-breakpoint
CREATE INDEX `repository_manifests_by_origin` ON `repository_manifests` (`copied_from`,`digest`) WHERE copied_from is not null;--> statement-breakpoint
-- images that streams got from other streams before: by their pull spec, which names the other stream's repository
CREATE TEMP TABLE promoted AS
SELECT DISTINCT t.stream_id, e.id AS event_id, r.id AS repository_id, m.digest, m.image_id
FROM repository_manifests m
  CROSS JOIN repositories r ON r.id = m.repository_id
  CROSS JOIN tag_events e ON e.image_id = m.image_id AND e.import_id IS NULL
  CROSS JOIN tags t ON t.id = e.tag_id
WHERE m.source IS NULL AND r.stream_id IS NOT t.stream_id
  AND substr(e.docker_image_reference, instr(e.docker_image_reference, '/')) =
    '/' || r.namespace || '/' || r.name || '@' || m.digest;--> statement-breakpoint
-- and by the source of their spec tag, for an image that the other stream pulls through
INSERT INTO promoted
SELECT p.stream_id, NULL, r.id, m.digest, m.image_id
FROM spec_tags p
  CROSS JOIN image_streams s ON s.id = p.stream_id
  CROSS JOIN image_streams o ON o.namespace = coalesce(p.from_namespace, s.namespace)
    AND o.name = substr(p.from_name, 1, instr(p.from_name, iif(p.from_kind = 'ImageStreamTag', ':', '@')) - 1)
  CROSS JOIN repositories r ON r.stream_id = o.id
  CROSS JOIN tags t ON t.stream_id = p.stream_id AND t.name = p.name
  CROSS JOIN repository_manifests m ON m.repository_id = r.id AND m.image_id = t.newest_image_id
WHERE p.from_kind IN ('ImageStreamTag', 'ImageStreamImage') AND o.id <> p.stream_id;--> statement-breakpoint
INSERT INTO repositories (namespace, name, created_at, stream_id)
SELECT s.namespace, s.name, s.created_at, s.id FROM image_streams s WHERE s.id IN (SELECT stream_id FROM promoted)
ON CONFLICT (namespace, name) DO UPDATE SET stream_id = excluded.stream_id;--> statement-breakpoint
CREATE TEMP TABLE promoted_content AS
WITH RECURSIVE tree (target, source, digest, image_id) AS (
  SELECT r.id, p.repository_id, p.digest, p.image_id FROM promoted p
    CROSS JOIN image_streams s ON s.id = p.stream_id
    CROSS JOIN repositories r ON r.namespace = s.namespace AND r.name = s.name
  UNION
  SELECT t.target, t.source, c.digest, c.image_id FROM tree t
    CROSS JOIN manifest_references f ON f.image_id = t.image_id
    CROSS JOIN repository_manifests c ON c.repository_id = t.source AND c.digest = f.digest
  UNION
  SELECT t.target, t.source, r.digest, r.image_id FROM tree t
    CROSS JOIN repository_manifests r ON r.repository_id = t.source AND r.subject = t.digest)
SELECT target, source, digest, image_id FROM tree;--> statement-breakpoint
INSERT INTO repository_blobs (repository_id, digest, confirmed_at)
SELECT t.target, l.digest, max(l.confirmed_at) FROM promoted_content t
  CROSS JOIN manifest_references f ON f.image_id = t.image_id
  CROSS JOIN repository_blobs l ON l.repository_id = t.source AND l.digest = f.digest
WHERE true GROUP BY t.target, l.digest ON CONFLICT DO NOTHING;--> statement-breakpoint
INSERT INTO repository_manifests (repository_id, digest, image_id, subject, artifact_type, source, insecure, pushed_at, confirmed_at, copied_from)
SELECT t.target, m.digest, m.image_id, m.subject, m.artifact_type, m.source, m.insecure, m.pushed_at, m.confirmed_at, t.source
FROM promoted_content t CROSS JOIN repository_manifests m ON m.repository_id = t.source AND m.digest = t.digest
WHERE true ON CONFLICT DO UPDATE SET copied_from = excluded.copied_from,
  source = CASE WHEN source IS NULL THEN NULL ELSE excluded.source END;--> statement-breakpoint
UPDATE tag_events AS e SET docker_image_reference = substr(e.docker_image_reference, 1, instr(e.docker_image_reference, '/')) || (
    SELECT s.namespace || '/' || s.name FROM tags t JOIN image_streams s ON s.id = t.stream_id WHERE t.id = e.tag_id
  ) || substr(e.docker_image_reference, instr(e.docker_image_reference, '@'))
WHERE e.id IN (SELECT event_id FROM promoted);--> statement-breakpoint
UPDATE image_streams SET resource_version = resource_version + 1
WHERE id IN (SELECT stream_id FROM promoted WHERE event_id IS NOT NULL);--> statement-breakpoint
DROP TABLE promoted_content;--> statement-breakpoint
DROP TABLE promoted;
