CREATE TABLE "notification_log" (
	"group_hash" text NOT NULL,
	"channel" text NOT NULL,
	"group_key" text NOT NULL,
	"firing" jsonb NOT NULL,
	"told_at" bigint NOT NULL,
	"firing_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	CONSTRAINT "notification_log_group_hash_channel_pk" PRIMARY KEY("group_hash","channel")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" text PRIMARY KEY NOT NULL,
	"position" bigserial NOT NULL,
	"group_hash" text NOT NULL,
	"channel" text NOT NULL,
	"notification" json NOT NULL,
	"critical" boolean NOT NULL,
	"state" text NOT NULL,
	"attempt" integer NOT NULL,
	"created_at" bigint NOT NULL,
	"next_at" bigint NOT NULL,
	"taken_at" bigint,
	"settled_at" bigint,
	"code" text NOT NULL,
	"reply" text NOT NULL
);
--> statement-breakpoint
CREATE INDEX "outbox_unsent" ON "outbox" USING btree ("channel","group_hash","position") WHERE state in ('due', 'failed');--> statement-breakpoint
CREATE INDEX "outbox_sent" ON "outbox" USING btree ("channel","settled_at") WHERE state = 'sent';--> statement-breakpoint
CREATE INDEX "outbox_created" ON "outbox" USING btree ("created_at");