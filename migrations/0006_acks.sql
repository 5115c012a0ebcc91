CREATE TABLE "acks" (
	"fingerprint" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"comment" text NOT NULL,
	"at" bigint NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "acks_expires" ON "acks" USING btree ("expires_at");