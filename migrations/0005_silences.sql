CREATE TABLE "posted_alerts" (
	"sequence" bigserial PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"received_at" bigint NOT NULL,
	"resolve_timeout_ms" integer NOT NULL,
	"body" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "silences" (
	"id" text PRIMARY KEY NOT NULL,
	"starts_at" bigint NOT NULL,
	"ends_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	"body" json NOT NULL
);
--> statement-breakpoint
CREATE INDEX "silences_ends_at" ON "silences" USING btree ("ends_at");