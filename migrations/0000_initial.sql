CREATE TABLE "events" (
	"sequence" bigserial PRIMARY KEY NOT NULL,
	"id" text NOT NULL,
	"at" bigint NOT NULL,
	"received_at" bigint NOT NULL,
	"kind" text NOT NULL,
	"host" text NOT NULL,
	"engine" text,
	"incarnation" text,
	"body" jsonb NOT NULL,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "events_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE TABLE "commands" (
	"id" text PRIMARY KEY NOT NULL,
	"host" text NOT NULL,
	"engine" text NOT NULL,
	"incarnation" text,
	"action" text NOT NULL,
	"principal" text NOT NULL,
	"reason" text NOT NULL,
	"fence" bigint NOT NULL,
	"term" bigint NOT NULL,
	"issued_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"state" text NOT NULL,
	"outcome" text NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "engines" (
	"host" text NOT NULL,
	"name" text NOT NULL,
	"incarnation" text,
	"phase" text NOT NULL,
	"state" jsonb NOT NULL,
	"updated_at" bigint NOT NULL,
	CONSTRAINT "engines_host_name_pk" PRIMARY KEY("host","name")
);
--> statement-breakpoint
CREATE TABLE "fences" (
	"host" text NOT NULL,
	"engine" text NOT NULL,
	"fence" bigint NOT NULL,
	CONSTRAINT "fences_host_engine_pk" PRIMARY KEY("host","engine")
);
--> statement-breakpoint
CREATE TABLE "hosts" (
	"host" text PRIMARY KEY NOT NULL,
	"boot_id" text NOT NULL,
	"version" text NOT NULL,
	"started_at" bigint NOT NULL,
	"first_seen_at" bigint NOT NULL,
	"last_seen_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"term" bigint NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"hash" text NOT NULL,
	"role" text NOT NULL,
	"scope" text NOT NULL,
	"generation" integer NOT NULL,
	"created_at" bigint NOT NULL,
	"revoked_at" bigint
);
--> statement-breakpoint
CREATE INDEX "events_at" ON "events" USING btree ("at");--> statement-breakpoint
CREATE INDEX "events_engine" ON "events" USING btree ("host","engine","at");--> statement-breakpoint
CREATE INDEX "commands_host" ON "commands" USING btree ("host","state");--> statement-breakpoint
CREATE UNIQUE INDEX "commands_open" ON "commands" USING btree ("host","engine") WHERE state in ('issued', 'accepted', 'started');--> statement-breakpoint
CREATE INDEX "tokens_prefix" ON "tokens" USING btree ("prefix");