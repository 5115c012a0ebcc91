CREATE TABLE "host_keys" (
	"host" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"hash" text NOT NULL,
	"bound_at" bigint NOT NULL
);
